// Unleash 3 behind basic auth, as Keptn's unleash-service expects it: LOGIN is `user:password`.
'use strict';

const unleash = require('unleash-legacy');

const expected = `Basic ${Buffer.from(process.env.LOGIN).toString('base64')}`;
const [username] = process.env.LOGIN.split(':');

unleash.start({
  adminAuthentication: 'custom',
  preRouterHook: (app) => {
    app.use('/api/admin/', (request, response, next) => {
      if (request.headers.authorization !== expected) {
        return response.status(401).set('WWW-Authenticate', 'Basic realm="unleash"').end('access denied');
      }
      request.user = new unleash.User({ id: 1, username, email: `${username}@example.com`, permissions: ['ADMIN'] });
      return next();
    });
  },
});
