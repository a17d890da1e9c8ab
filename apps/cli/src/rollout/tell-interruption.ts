// What a Ctrl-C in the middle of rollouts does, said once for all servers (spec 20). Asks no server: each follower does.
import type { Interruption } from '../cli/interruption.ts';
import type { Task } from '../output/task.ts';

export function tellInterruption(
  task: Task,
  interruption: Interruption,
  servers: readonly { readonly name: string }[],
): Disposable {
  const finish = servers.length === 1 ? 'the server finishes by itself' : 'the servers finish by themselves';
  const tell = (): void =>
    task.tell(
      `Interrupted: asking ${servers.map(({ name }) => name).join(', ')} to put everything back as it was. Ctrl-C again leaves at once; ${finish}.`,
    );
  interruption.first.addEventListener('abort', tell, { once: true });
  return { [Symbol.dispose]: () => interruption.first.removeEventListener('abort', tell) };
}
