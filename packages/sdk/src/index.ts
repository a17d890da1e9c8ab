// What an app may import. Importing does nothing: the environment, fd 3 and signals wait for the first use.
export { attach } from './attach.ts';
export type { FetchApp, FetchHandler, Hooks } from './app.ts';
export type { KnownSecrets, Secrets } from './secrets.ts';
export { type Served, serve } from './serve.ts';
export { type Tako, secrets, tako } from './tako.ts';
