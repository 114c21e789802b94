// Signs in at an authority in one way, as the job on the first line of standard input says, with the vendor's client.
// What a person has to do is written to standard output, a line of JSON each; the next line of standard input says that
// it is done. The last line is what came of it.
'use strict';
const {createInterface} = require('node:readline');
const msal = require('@azure/msal-node');

const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]();
const next = async () => JSON.parse((await lines.next()).value);
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');

const configuration = (job) => ({
  auth: {
    clientId: job.client,
    authority: job.authority,
    knownAuthorities: [new URL(job.authority).host],
    ...(job.proof ? {clientSecret: job.proof} : {}),
  },
});

const ways = {
  // an app for itself
  async clientCredentials(job) {
    return new msal.ConfidentialClientApplication(configuration(job))
        .acquireTokenByClientCredential({scopes: job.scopes});
  },
  // a person by the browser, at an app on a server
  async code(job) {
    const app = new msal.ConfidentialClientApplication(configuration(job));
    const {verifier, challenge} = await new msal.CryptoProvider().generatePkceCodes();
    const request = {scopes: job.scopes, redirectUri: job.redirect, state: 'state-1', nonce: 'nonce-1'};
    say({open: await app.getAuthCodeUrl({...request, codeChallenge: challenge, codeChallengeMethod: 'S256'})});
    const {back} = await next();
    const answer = new URL(back).searchParams;
    // The client holds the state and the nonce of the id token against those of the request.
    return app.acquireTokenByCode({...request, code: answer.get('code'), codeVerifier: verifier},
        {state: answer.get('state')});
  },
  // a person by the browser, at an app on the same machine; then once more without one
  async interactive(job) {
    const app = new msal.PublicClientApplication(configuration(job));
    const first = await app.acquireTokenInteractive({
      scopes: job.scopes, openBrowser: async (url) => say({open: url}),
    });
    say({changed: 'signed in'});
    await next();
    return app.acquireTokenSilent({scopes: job.scopes, account: first.account, forceRefresh: true});
  },
  // a person at another device
  async deviceCode(job) {
    return new msal.PublicClientApplication(configuration(job)).acquireTokenByDeviceCode({
      scopes: job.scopes, deviceCodeCallback: (said) => say({device: said}),
    });
  },
};

(async () => {
  const job = await next();
  try {
    const {accessToken, idToken, account} = await ways[job.way](job);
    say({result: {accessToken, idToken, username: account ? account.username : ''}});
  } catch (error) {
    say({result: {error: String(error)}});
  }
  process.exit(0);
})();
