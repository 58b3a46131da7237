// A provider, Auth0's samlp, whose own session ends: it signs the person out of the one
// service that took part. leave.js PORT DIR ISSUER SP_ENTITY SP_SLO SP_CERT.pem
'use strict';
const fs = require('fs'), express = require('express'), samlp = require('samlp');
const [port, dir, issuer, sp, slo, certificate] = process.argv.slice(2);
const cert = fs.readFileSync(certificate, 'utf8'), kept = {};
const store = {
  load: (req, handle, options, done) => (done || options)(null, kept[handle]),
  save: (req, state, done) => { const handle = 'h' + Object.keys(kept).length; kept[handle] = state; done(null, handle); },
  update: (req, handle, state, done) => { kept[handle] = state; done(); },
};
const participant = {
  serviceProviderId: sp, nameId: 'alice', sessionIndex: '_s1', serviceProviderLogoutURL: slo, cert,
  nameIdFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
};
let taking = [];
const options = {
  issuer, cert: fs.readFileSync(dir + '/idp.crt', 'utf8'), key: fs.readFileSync(dir + '/idp.key', 'utf8'), deflate: true, store,
  sessionParticipants: {
    hasElements: () => taking.length > 0, getFirst: (done) => done(null, taking[0]), get: (i, s, n, done) => done(null, participant),
    remove: (i, s, n, done) => { taking = []; done(); },
  },
};
const bindings = 'urn:oasis:names:tc:SAML:2.0:bindings:';
const app = express();
app.use(express.urlencoded({ extended: false }));
app.all('/:how', (req, res, next) => {
  req.body = req.body || {};
  if (!req.query.SAMLResponse && !req.body.SAMLResponse) taking = [participant]; // the session ends anew
  samlp.logout({ ...options, protocolBinding: bindings + (req.params.how === 'post' ? 'HTTP-POST' : 'HTTP-Redirect') })(req, res, next);
});
app.use((err, req, res, next) => res.status(400).send('refused: ' + err.message)); // eslint-disable-line no-unused-vars
app.listen(+port, '127.0.0.1');
