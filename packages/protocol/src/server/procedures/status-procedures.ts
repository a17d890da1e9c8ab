// What runs and what happened, as procedures; and custom certificates.
import { z } from 'zod';
import type { ManagementService } from '../../management-service.ts';
import { logsInput } from '../../schemas/operations.ts';
import {
  addCertificateInput,
  auditInput,
  removeCertificateInput,
  statusInput,
} from '../../schemas/status.ts';
import { streamOf, type RouterBase } from '../router-base.ts';

export function statusProcedures({ procedure }: RouterBase, service: ManagementService) {
  const bare = procedure.input(z.undefined());
  return {
    server_info: bare.query((call) => service.serverInfo(undefined, call.ctx)),
    status: procedure.input(statusInput).query((call) => service.status(call.input, call.ctx)),
    list: bare.query((call) => service.list(undefined, call.ctx)),
    routes: bare.query((call) => service.routes(undefined, call.ctx)),
    certificates: bare.query((call) => service.certificates(undefined, call.ctx)),
    add_certificate: procedure
      .input(addCertificateInput)
      .mutation((call) => service.addCertificate(call.input, call.ctx)),
    remove_certificate: procedure
      .input(removeCertificateInput)
      .mutation((call) => service.removeCertificate(call.input, call.ctx)),
    audit: procedure.input(auditInput).query((call) => service.audit(call.input, call.ctx)),
    logs: procedure.input(logsInput).query((call) => streamOf(() => service.logs(call.input, call.ctx))),
    events: bare.query((call) => streamOf(() => service.events(undefined, call.ctx))),
  };
}
