import { productionEnv, resolveEnvironment, routeUrl, TakoError } from '@tako/config';
import { openProject } from '../app/project.ts';
import { environmentFlag } from '../cli/environment-flag.ts';
import { TakoCommand } from '../cli/tako-command.ts';
import { openUrl } from '../open/open-url.ts';

export default class Open extends TakoCommand {
  static override description =
    "Open the app's first address in the browser and print all of them. Without a terminal, or a browser, they are only printed.";
  static override examples = ['<%= config.bin %> open', '<%= config.bin %> open --env staging'];
  static override flags = { ...environmentFlag };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Open);
    const { cli } = this;
    const { project } = await openProject(cli.environment.cwd, flags.config ?? null);
    const { routes, deploymentId } = resolveEnvironment(project, flags.env ?? productionEnv);
    // A wildcard stands for many names, none of which is the app's address.
    const urls = routes.filter(({ host }) => host.kind !== 'wildcard').map((route) => routeUrl(route));
    const [first] = urls;
    if (first === undefined) {
      throw new TakoError('CONFIG_INVALID', `${deploymentId} has wildcard routes only, no address to open`, {
        hint: 'Add a route with a whole host name, or open one of your own in the browser.',
      });
    }
    const missing = cli.output.interactive ? await openUrl(first, cli.environment) : null;
    if (missing !== null) {
      cli.output.say(
        `${missing} could not be started: open it yourself, or set BROWSER to a program that takes a URL`,
      );
    }
    cli.output.result(urls.join('\n'), { schema: 'tako.open/1', ok: true, deploymentId, urls });
  }
}
