"""A provider, pysaml2, whose own session ends: it signs the person out of a service and checks
what the service answers. leave.py PORT DIR ISSUER SP_ENTITY SP_METADATA.xml NAME"""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server
from saml2.sigver import verify_redirect_signature
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

port, folder, issuer, service, metadata, name = int(sys.argv[1]), *sys.argv[2:]
here = f'http://127.0.0.1:{port}'
keys = {'key_file': folder + '/idp.key', 'cert_file': folder + '/idp.crt'}
ends = {'single_sign_on_service': [(here + '/sso', BINDING_HTTP_REDIRECT)],
        'single_logout_service': [(here + '/redirect', BINDING_HTTP_REDIRECT), (here + '/post', BINDING_HTTP_POST)]}
idp = Server(config=IdPConfig().load({
    'entityid': issuer, 'service': {'idp': {'endpoints': ends}}, **keys, 'encryption_keypairs': [keys],
    'metadata': {'local': [metadata]}, 'xmlsec_binary': '/usr/bin/xmlsec1'}))


def begin(binding):
    to = idp.metadata.single_logout_service(service, binding, 'spsso')[0]['location']
    embed = binding == BINDING_HTTP_POST
    who = NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=name)
    _, request = idp.create_logout_request(to, issuer, name_id=who, sign=embed, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
    return idp.apply_binding(binding, str(request), to, 'theirs', sign=not embed, sigalg=SIG_RSA_SHA256)


def end(binding, fields):
    if binding == BINDING_HTTP_REDIRECT:
        signed = {k: fields[k] for k in ('SAMLResponse', 'RelayState', 'SigAlg', 'Signature')}
        certificates = idp.metadata.certs(service, 'spsso', 'signing')
        if not any(verify_redirect_signature(signed, idp.sec.sec_backend, c) for c in certificates):
            raise ValueError('the query is not signed by the service')
    answer = idp.parse_logout_request_response(fields['SAMLResponse'], binding)
    if binding == BINDING_HTTP_POST and not answer.response.signature:
        raise ValueError('the answer is not signed')
    return answer.status_ok()


class Pages(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def say(self, status, body='', headers=()):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body.encode())

    def turn(self, raw):
        fields = {k: v[0] for k, v in parse_qs(raw).items()}
        binding = BINDING_HTTP_POST if self.path.startswith('/post') else BINDING_HTTP_REDIRECT
        try:
            if 'SAMLResponse' in fields:
                return self.say(200 if end(binding, fields) else 400, 'done')
            way = begin(binding)
            return self.say(way.get('status', 200), str(way.get('data') or ''), way['headers'])
        except Exception as e:  # whatever it is, the test shows it
            return self.say(400, f'refused: {type(e).__name__} {e}')

    def do_GET(self):
        self.turn(urlparse(self.path).query)

    def do_POST(self):
        self.turn(self.rfile.read(int(self.headers['Content-Length'])).decode())


ThreadingHTTPServer(('127.0.0.1', port), Pages).serve_forever()
