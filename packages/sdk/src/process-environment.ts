// The only reader of the environment: what spec 40 ("Spawn") promises an instance. It knows no secret.
import process from 'node:process';
import { PORT_DEFAULT } from './limits.ts';

export interface InstanceEnvironment {
  readonly app: string | null;
  readonly env: string | null;
  readonly version: string | null;
  readonly instance: string | null;
  /** null outside Tako when HOST is not set: every interface. */
  readonly host: string | null;
  /** 0: the system chooses. */
  readonly port: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Throws when PORT is no port number. */
export function readInstanceEnvironment(variables: Variables = process.env): InstanceEnvironment {
  const instance = textOf(variables['TAKO_INSTANCE']);
  return {
    app: textOf(variables['TAKO_APP']),
    env: textOf(variables['TAKO_ENV']),
    version: textOf(variables['TAKO_VERSION']),
    instance,
    host: textOf(variables['HOST']) ?? (instance === null ? null : '127.0.0.1'),
    port: portOf(variables['PORT'], instance === null ? PORT_DEFAULT : 0),
  };
}

/** A variable of the same name as a secret: how an app gets its secrets where Tako does not run it. */
export function readVariable(name: string): string | undefined {
  return process.env[name];
}

function textOf(value: string | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}

function portOf(value: string | undefined, otherwise: number): number {
  if (value === undefined || value === '') return otherwise;
  const port = Number(value);
  if (!/^\d{1,5}$/.test(value) || port > 65_535) {
    throw new RangeError(`PORT is "${value}", which is no port number (0 to 65535)`);
  }
  return port;
}
