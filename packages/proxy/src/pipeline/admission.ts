// A cordoned server tells new connections politely to go elsewhere.
import type { Pass } from './pass.ts';

export const admission: Pass = {
  name: 'admission',
  run: (scope) => (scope.exchange.connection.cordoned ? scope.fail('cordoned') : 'next'),
};
