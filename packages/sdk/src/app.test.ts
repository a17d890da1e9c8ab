import { expect, test } from 'vitest';
import { readApp } from './app.ts';

const handler = (): Response => new Response();

test('a function of up to two parameters is a fetch handler', () => {
  expect(readApp(handler)).toEqual({ kind: 'app', app: { fetch: handler } });
  expect(readApp((_request: Request, _server: unknown) => new Response()).kind).toBe('app');
});

test('an object with fetch is served as it is, so that its methods keep their this', () => {
  class App {
    #text = 'own';
    fetch(): Response {
      return new Response(this.#text);
    }
  }
  const app = new App();
  const form = readApp(app);
  expect(form.kind === 'app' && form.app).toBe(app);
});

test('a function that has a fetch method counts as the object', () => {
  const app = Object.assign((): void => undefined, { fetch: handler });
  expect(readApp(app)).toEqual({ kind: 'app', app });
});

test.each([
  [undefined, 'undefined'],
  [null, 'null'],
  [[], 'an array'],
  [{}, 'a value of type object'],
  [{ fetch: 'x' }, 'a value of type object'],
  ['text', 'a value of type string'],
  [{ listen: handler }, 'call attach(server)'],
  [Object.assign(() => 1, { listen: handler, use: handler }), 'call attach(app.listen('],
  [(_a: unknown, _b: unknown, _c: unknown): void => undefined, 'more than (request, server)'],
])('%s is refused with the reason', (value, reason) => {
  const form = readApp(value);
  expect(form.kind === 'refused' && form.reason).toContain(reason);
});
