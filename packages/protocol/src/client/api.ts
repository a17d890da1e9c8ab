// `api.<procedure>.query|mutate` over one function that calls by name. Knows no transport.
import type { CallOptions, ManagementApi } from './client.types.ts';

export type ProcedureKind = 'query' | 'mutation';

export interface ProcedureCall {
  readonly name: string;
  readonly kind: ProcedureKind;
  readonly input: unknown;
  readonly options: CallOptions;
}
export type CallProcedure = (call: ProcedureCall) => Promise<unknown>;

export function createApi(call: CallProcedure): ManagementApi {
  const resolver =
    (name: string, kind: ProcedureKind) =>
    (input: unknown, options: CallOptions = {}) =>
      call({ name, kind, input, options });
  const procedures = new Proxy(Object.freeze({}), {
    get: (_target, name) =>
      // A symbol or `then` is asked for by awaiting or printing the object: it is neither.
      typeof name !== 'string' || name === 'then'
        ? undefined
        : { query: resolver(name, 'query'), mutate: resolver(name, 'mutation') },
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the proxy has every name; the types come from the router
  return procedures as ManagementApi;
}
