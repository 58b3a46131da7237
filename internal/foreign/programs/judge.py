"""Reads what a service of ours writes as a provider would, pysaml2, and holds it against the
schemas of the standard. judge.py metadata|protocol FILE.xml"""
import json
import sys

from saml2.attribute_converter import ac_factory
from saml2.config import IdPConfig
from saml2.mdstore import MetaDataFile
from saml2.xml.schema import schema_saml_metadata, schema_saml_protocol

kind, name = sys.argv[1:]
if kind == 'protocol':
    schema_saml_protocol.validate(name)
    sys.exit()
schema_saml_metadata.validate(name)
known = MetaDataFile(ac_factory(), name, config=IdPConfig())
known.load()
(entity, descriptor), = known.items()
role = descriptor['spsso_descriptor'][0]
print(json.dumps({
    'entity': entity, 'acs': [s['location'] for s in role['assertion_consumer_service']],
    'slo': [s['location'] for s in role['single_logout_service']],
    'signs': role.get('authn_requests_signed'), 'wants': role.get('want_assertions_signed'),
    'uses': [k.get('use') for k in role['key_descriptor']],
    'methods': [m['algorithm'] for k in role['key_descriptor'] for m in k.get('encryption_method', [])],
}))
