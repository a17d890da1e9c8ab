// The page: both connections, and their reconnects, visible.
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>realtime</title>
<h1>realtime</h1>
<p>Event stream: <output id="clock">…</output></p>
<p>WebSocket: <output id="echo">…</output></p>
<script type="module">
  const show = (id, text) => (document.getElementById(id).textContent = text);
  new EventSource('/events').onmessage = (event) => show('clock', event.data);
  const connect = () => {
    const socket = new WebSocket(location.href.replace(/^http/, 'ws') + 'ws');
    socket.onopen = () => socket.send('hello at ' + new Date().toISOString());
    socket.onmessage = (event) => show('echo', 'echoed: ' + event.data);
    socket.onclose = (event) => (show('echo', 'closed with ' + event.code + ', connecting again'), setTimeout(connect, 500));
  };
  connect();
</script>
</html>
`;
