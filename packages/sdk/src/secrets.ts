// `secrets.NAME`: a view that gives single values and never shows them all. It knows names, not their origin.

/**
 * Filled in by `tako generate`: `declare module '@tako/sdk' { interface KnownSecrets { DATABASE_URL: string } }`.
 * Empty, any name is a string.
 */
export interface KnownSecrets {}

export type Secrets = keyof KnownSecrets extends never
  ? Readonly<Record<string, string>>
  : // oxlint-disable-next-line typescript/no-generated-empty-object-type -- empty until the app augments it
    Readonly<KnownSecrets>;

export interface SecretSource {
  get(name: string): string | undefined;
  /** Ends the sentence "there is no secret NAME": where such a secret would come from. */
  readonly advice: string;
}

const REDACTED = '[secrets redacted]';
const inspectSymbol = Symbol.for('nodejs.util.inspect.custom');
const denoInspectSymbol = Symbol.for('Deno.customInspect');

/** Names that languages and tools probe on any object (`await`, test matchers, serialisers): absent, never an error. */
const PROBED_NAMES: ReadonlySet<string> = new Set([
  'then',
  'constructor',
  'asymmetricMatch',
  '$$typeof',
  'nodeType',
  'tagName',
]);

/**
 * The values stay behind `source`; the object itself holds only its redacted forms, so that printing, JSON,
 * spreading and `util.inspect({showProxy: true})` have nothing to show. `structuredClone` refuses a proxy.
 */
export function createSecrets(source: () => SecretSource): Secrets {
  const view: Record<string, string> = Object.create(null);
  const redact = (): string => REDACTED;
  const names = [
    'toString',
    'toJSON',
    'valueOf',
    Symbol.toPrimitive,
    inspectSymbol,
    denoInspectSymbol,
  ] as const;
  for (const name of names) Object.defineProperty(view, name, { value: redact, enumerable: false });
  Object.freeze(view);
  return new Proxy<Record<string, string>>(view, {
    get: (target, name) => {
      if (typeof name === 'symbol' || name in target || PROBED_NAMES.has(name))
        return Reflect.get(target, name);
      return secretNamed(source(), name);
    },
    has: (target, name) => name in target || (typeof name === 'string' && source().get(name) !== undefined),
    set: (_target, name) => refuseChange(name),
    defineProperty: (_target, name) => refuseChange(name),
    deleteProperty: (_target, name) => refuseChange(name),
  });
}

function secretNamed(source: SecretSource, name: string): string {
  const value = source.get(name);
  if (value === undefined) throw new ReferenceError(`there is no secret ${name}: ${source.advice}`);
  return value;
}

function refuseChange(name: string | symbol): never {
  throw new TypeError(`secrets are read-only: ${String(name)} cannot be changed`);
}
