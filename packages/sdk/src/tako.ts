// Who this instance is, and its secrets, as the app sees them. Read when asked for: importing does nothing.
import { instanceContext } from './instance-context.ts';
import { readVariable } from './process-environment.ts';
import { type SecretSource, type Secrets, createSecrets } from './secrets.ts';

export interface Tako {
  /** The app's name, or null where Tako does not run it. */
  readonly app: string | null;
  /** The environment's name: `production`, `staging`, … */
  readonly env: string | null;
  /** The version id of the release. */
  readonly version: string | null;
  /** This process, unique for ever. */
  readonly instance: string | null;
  /** Aborted at SIGTERM: end event streams and WebSockets properly then. Never aborted outside Tako. */
  readonly draining: AbortSignal;
}

export const tako: Tako = Object.freeze({
  get app() {
    return instanceContext().environment.app;
  },
  get env() {
    return instanceContext().environment.env;
  },
  get version() {
    return instanceContext().environment.version;
  },
  get instance() {
    return instanceContext().environment.instance;
  },
  get draining() {
    return instanceContext().draining.signal;
  },
});

/**
 * The app's secrets, from fd 3; where Tako does not run the app, environment variables of the same name.
 * An unknown name throws a ReferenceError; printing the object shows no value.
 */
export const secrets: Secrets = createSecrets((): SecretSource => {
  const context = instanceContext();
  const payload = context.payload();
  const { app, env } = context.environment;
  if (payload !== null) {
    return {
      get: (name) => payload.secrets.get(name),
      advice: `set it with "tako secrets set <NAME> --env ${env ?? 'production'}" and run "tako secrets sync" or deploy ${app ?? 'the app'} again`,
    };
  }
  return {
    get: readVariable,
    advice: 'this process was not started by Tako, so set an environment variable of that name',
  };
});
