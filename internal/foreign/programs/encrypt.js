// Encrypts what comes in to a certificate, with Auth0's xml-encryption. encrypt.js CERT.pem CONTENT_ALGORITHM KEY_ALGORITHM
'use strict';
const fs = require('fs'), crypto = require('crypto'), encryption = require('xml-encryption');
const [certificate, content, key] = process.argv.slice(2);
const pem = fs.readFileSync(certificate, 'utf8');
encryption.encrypt(fs.readFileSync(0, 'utf8'), {
  pem, rsa_pub: crypto.createPublicKey(pem).export({ type: 'spki', format: 'pem' }),
  encryptionAlgorithm: content, keyEncryptionAlgorithm: key, disallowEncryptionWithInsecureAlgorithm: false, warnInsecureAlgorithm: false,
}, (err, out) => { if (err) throw err; process.stdout.write(out); });
