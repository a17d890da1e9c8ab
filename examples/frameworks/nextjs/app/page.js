import { WebSocket } from 'ws';

export const dynamic = 'force-dynamic';

export default function Page() {
  const socket = WebSocket.name;
  return (
    <main>
      <h1>Next.js on Tako</h1>
      <p>
        release {process.env.TAKO_VERSION}, with {socket}
      </p>
    </main>
  );
}
