"""Runs a program over pysaml2 that encrypts with something better than the 3DES it always takes.
modern.py ALGORITHM SESSION_KEY PROGRAM.py ARGUMENT..."""
import runpy
import sys

from saml2 import sigver

algorithm, key = sys.argv[1:3]
sigver.pre_encryption_part.__kwdefaults__['msg_enc'] = algorithm
for method in (sigver.SecurityContext.encrypt_assertion, sigver.CryptoBackendXmlSec1.encrypt_assertion):
    method.__defaults__ = (key, *method.__defaults__[1:])
sys.argv = sys.argv[3:]
runpy.run_path(sys.argv[0], run_name='__main__')
