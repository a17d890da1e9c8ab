// Public names of the typed client. Light to import: tRPC and the transport are loaded at the first `connect`.
export type {
  CallOptions,
  ConnectOptions,
  ManagementApi,
  ManagementClient,
  Upload,
  UploadProgress,
  UploadResult,
} from './client.types.ts';
export { connect } from './connect.ts';
export { withLock, type HeldLock, type LockOptions } from './with-lock.ts';
