// What each preset says about its framework's output. Data only; whatever tako.toml says itself wins.

/** A build that makes a whole program in a folder of its own, with the packages that it needs. */
export interface StandaloneOutput {
  readonly folder: string;
  /** The entry in it; in a workspace the framework puts it below the app's own path. */
  readonly main: string;
  /** What the framework leaves to whoever deploys: `[from, to]`, from the app, to below the entry's folder. */
  readonly copies: readonly (readonly [from: string, to: string])[];
  /** Folders of links into its packages, beside the entry. */
  readonly links: readonly string[];
  /** The build's variable for the root of the tree, where it would look for one above the build workspace, too. */
  readonly rootVariable: string | null;
  /** What to do when the build did not make it. */
  readonly hint: string | null;
}

export interface Preset {
  /** The server's entry after the build; null: as without a preset. */
  readonly main: string | null;
  /** The argv where a runtime started on `main` is not enough. */
  readonly start: readonly string[] | null;
  readonly standalone: StandaloneOutput | null;
  /** True: the build makes files only, and Tako adds the program that serves them. */
  readonly isSite: boolean;
  /** null: `sdk` when the SDK is a dependency, else `http`. */
  readonly readiness: 'http' | null;
  /** Directories of files to serve, merged into `public/`. */
  readonly assets: readonly string[];
  /** Of the artifact: caches of builds. */
  readonly exclude: readonly string[];
  /** Variables below all others. */
  readonly vars: Readonly<Record<string, string>>;
  /** For `tako dev`, and for a build without a `build` script in package.json; run with node_modules/.bin in PATH. */
  readonly dev: string | null;
  readonly build: string | null;
}

const plain: Preset = Object.freeze({
  main: null,
  start: null,
  standalone: null,
  isSite: false,
  readiness: null,
  assets: [],
  exclude: [],
  vars: {},
  dev: null,
  build: null,
});
/** Frameworks that own their server say nothing to Tako by themselves. */
const framework: Preset = Object.freeze({ ...plain, readiness: 'http' });
const nitro: Preset = Object.freeze({
  ...framework,
  standalone: {
    folder: '.output',
    main: 'server/index.mjs',
    copies: [],
    links: [],
    rootVariable: null,
    hint: null,
  },
  assets: ['.output/public'],
});

export const presets = Object.freeze({
  vite: { ...framework, isSite: true, assets: ['dist'], dev: 'vite', build: 'vite build' },
  nextjs: {
    ...framework,
    standalone: {
      folder: '.next/standalone',
      main: 'server.js',
      // https://nextjs.org/docs/app/api-reference/config/next-config-js/output: neither is copied by default.
      copies: [
        ['.next/static', '.next/static'],
        ['public', 'public'],
      ],
      // https://github.com/vercel/next.js: Turbopack names external packages by hash, through links.
      links: ['.next/node_modules'],
      rootVariable: 'NEXT_PRIVATE_OUTPUT_TRACE_ROOT',
      hint: "Set output: 'standalone' in next.config.",
    },
    exclude: ['/.next/cache'],
    // Where its server listens; without it, on every address of the machine.
    vars: { HOSTNAME: '127.0.0.1' },
    dev: 'next dev',
    build: 'next build',
  },
  'tanstack-start': { ...nitro, dev: 'vite dev', build: 'vite build' },
  nuxt: { ...nitro, dev: 'nuxt dev', build: 'nuxt build' },
  sveltekit: {
    ...framework,
    main: 'build/index.js',
    assets: ['build/client'],
    dev: 'vite dev',
    build: 'vite build',
  },
  astro: {
    ...framework,
    main: 'dist/server/entry.mjs',
    assets: ['dist/client'],
    dev: 'astro dev',
    build: 'astro build',
  },
  hono: plain,
  fastify: plain,
  express: plain,
} satisfies Record<string, Preset>);

export type PresetName = keyof typeof presets;

export function findPreset(name: string | null): Preset | null {
  return Object.entries<Preset>(presets).find(([known]) => known === name)?.[1] ?? null;
}

export function presetNames(): readonly [PresetName, ...PresetName[]] {
  return ['vite', 'nextjs', 'tanstack-start', 'nuxt', 'sveltekit', 'astro', 'hono', 'fastify', 'express'];
}
