// Public names of the server's side: a request listener over a ManagementService.
export type { InternalErrorReport, OnInternalError } from './error-door.ts';
export {
  createManagementHandler,
  managementServerOptions,
  type ManagementHandler,
  type ManagementHandlerOptions,
} from './management-handler.ts';
export { movedOn } from '../wire/moved-on.ts';
