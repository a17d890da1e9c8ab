import { createFileRoute } from '@tanstack/react-router';
import { createServerFn } from '@tanstack/react-start';

const readVersion = createServerFn().handler(() => process.env.TAKO_VERSION ?? 'unknown');

export const Route = createFileRoute('/')({
  loader: () => readVersion(),
  component: () => <h1>TanStack Start, release {Route.useLoaderData()}</h1>,
});
