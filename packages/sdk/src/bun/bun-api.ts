// The part of Bun's API that the SDK uses, so that it needs no types of Bun's (https://bun.com/docs/api/http).

export interface BunServer {
  readonly port: number;
  readonly hostname: string;
  /** Refuses new connections; resolves when those in flight have ended. `true` aborts them. */
  stop(closeActiveConnections?: boolean): Promise<void>;
}

export interface BunServeOptions {
  readonly port: number;
  readonly hostname?: string;
  /** Seconds; 0 is none. */
  readonly idleTimeout: number;
  readonly maxRequestBodySize: number;
  readonly development: boolean;
  readonly websocket?: unknown;
  fetch(request: Request, server: BunServer): unknown;
  error(error: unknown): Response;
}

export interface BunApi {
  serve(options: BunServeOptions): BunServer;
}

/** null in any other runtime. */
export function bunApi(): BunApi | null {
  const candidate: unknown = Reflect.get(globalThis, 'Bun');
  return isBunApi(candidate) ? candidate : null;
}

function isBunApi(value: unknown): value is BunApi {
  return typeof value === 'object' && value !== null && 'serve' in value;
}
