// tRPC set up for Tako: superjson, pings, and one shape for every error. Knows no procedure.
import type { TakoError } from '@tako/config';
import { initTRPC } from '@trpc/server';
import superjson from 'superjson';
import type { CallContext } from '../management-service.ts';
import { toWireError, type WireError } from '../wire/error-wire.ts';
import type { ToTakoError } from './error-door.ts';
import { httpStatusOf } from './http-status.ts';

/** `code` is JSON-RPC's "internal error": tRPC's client wants a number there; ours reads `data.tako`. */
export interface ErrorShape {
  readonly message: string;
  readonly code: -32603;
  readonly data: { readonly httpStatus: number; readonly tako: WireError };
}

export function errorShape(error: TakoError): ErrorShape {
  const tako = toWireError(error);
  return { message: tako.message, code: -32603, data: { httpStatus: httpStatusOf(error.code), tako } };
}

export interface RouterBaseOptions {
  readonly toTakoError: ToTakoError;
  readonly pingIntervalMs: number;
}

export function createRouterBase({ toTakoError, pingIntervalMs }: RouterBaseOptions) {
  return initTRPC.context<CallContext>().create({
    transformer: superjson,
    isDev: false,
    jsonl: { pingMs: pingIntervalMs },
    errorFormatter: ({ error, path, input, ctx }) =>
      errorShape(
        toTakoError(error, {
          where: path ?? 'the call',
          input,
          aborted: ctx?.signal.aborted ?? false,
        }),
      ),
  });
}

export type RouterBase = ReturnType<typeof createRouterBase>;

/** A generator procedure: opened by the first pull, closed when the client leaves. */
export async function* streamOf<E>(open: () => AsyncIterable<E>): AsyncGenerator<E, void, void> {
  yield* open();
}
