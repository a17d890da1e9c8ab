// Switches of operators: certificates, challenges, upgrading mode, pause, maintenance, cordon.
import type { CertificateStatus, ManagementService } from '@tako/protocol';
import type { Store } from '@tako/store';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import type { Audit, CallGuard } from './call-guard.ts';
import type { UpgradingMode } from './upgrading-mode.ts';

export interface OperationProcedureDeps {
  readonly guard: CallGuard;
  readonly store: Store;
  readonly deployments: DeploymentSet;
  readonly audit: Pick<Audit, 'call'>;
  readonly upgrading: UpgradingMode;
  readonly cordon: (on: boolean) => void;
  readonly certificates: {
    add(input: { certificate: string; privateKey: string }): Promise<CertificateStatus>;
    remove(name: string): Promise<void>;
  };
  /** Re-reads the certificates and publishes them; resolves when every worker serves them. */
  readonly publishCertificates: () => Promise<void>;
  /** Publishes the stored challenges; resolves when every worker answers them. */
  readonly showChallenges: () => Promise<void>;
}

type OperationProcedures = Pick<
  ManagementService,
  | 'addCertificate'
  | 'removeCertificate'
  | 'enterUpgrading'
  | 'exitUpgrading'
  | 'putChallenge'
  | 'pause'
  | 'resume'
  | 'maintenance'
  | 'cordon'
  | 'uncordon'
>;

export function operationProcedures(deps: OperationProcedureDeps): OperationProcedures {
  const { guard, store, deployments } = deps;

  const setPause = (deploymentId: string, maxMs: number | null): Promise<void> => {
    const deployment = deployments.get(deploymentId);
    deployment.pausedForMs = maxMs;
    return deployment.publishAcknowledged();
  };

  return {
    addCertificate: (input, context) =>
      guard.call({ procedure: 'add_certificate', context }, async () => {
        const status = await deps.certificates.add(input);
        await deps.publishCertificates();
        return status;
      }),
    removeCertificate: (input, context) =>
      guard.call({ procedure: 'remove_certificate', context }, async () => {
        await deps.certificates.remove(input.name);
        await deps.publishCertificates();
      }),

    // Audited, and refused by nothing but another's lease.
    enterUpgrading: (input, context) =>
      deps.audit.call(
        { caller: context.caller, procedure: 'enter_upgrading', deploymentId: null },
        async () => deps.upgrading.enter(input.owner),
      ),
    exitUpgrading: (input, context) =>
      deps.audit.call({ caller: context.caller, procedure: 'exit_upgrading', deploymentId: null }, async () =>
        deps.upgrading.exit(input.owner),
      ),

    // Not guarded: a certificate may have to be had while the server is being upgraded (spec 40).
    putChallenge: async (input) => {
      const { host, challenge, keyAuthorization } = input;
      if (keyAuthorization === null) store.challenges.delete(host, challenge);
      else store.challenges.put({ host, challenge, keyAuthorization, createdAt: Date.now() });
      await deps.showChallenges();
    },

    pause: (input, context) =>
      guard.call({ procedure: 'pause', context, ...lockOf(input) }, () =>
        setPause(input.deploymentId, input.maxMs),
      ),
    resume: (input, context) =>
      guard.call({ procedure: 'resume', context, ...lockOf(input) }, () =>
        setPause(input.deploymentId, null),
      ),
    maintenance: (input, context) =>
      guard.call({ procedure: 'maintenance', context, ...lockOf(input) }, async () => {
        const deployment = deployments.get(input.deploymentId);
        deployment.record = { ...deployment.record, maintenance: input.on, updatedAt: Date.now() };
        store.deployments.put(deployment.record);
        await deployment.publishAcknowledged();
      }),

    cordon: (_input, context) => guard.call({ procedure: 'cordon', context }, async () => deps.cordon(true)),
    uncordon: (_input, context) =>
      guard.call({ procedure: 'uncordon', context }, async () => deps.cordon(false)),
  };
}

function lockOf(input: { deploymentId: string; token: string }): { deploymentId: string; token: string } {
  return { deploymentId: input.deploymentId, token: input.token };
}
