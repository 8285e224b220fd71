// Opens a P2P link by hand, sends one ping and prints the type of the answer: node ping-p2p.mjs URL NODE_ID
const [url, target] = process.argv.slice(2);
const socket = new WebSocket(`${url}?node_id=raw_client`);
const limit = setTimeout(() => {
  console.log('no answer');
  process.exit(1);
}, 5_000);
socket.addEventListener('open', () => {
  socket.send(JSON.stringify({ type: 'ping', id: '1', from: 'raw_client', to: target, data: {} }));
});
socket.addEventListener('message', ({ data }) => {
  const { type } = JSON.parse(data);
  if (type === 'registry_sync' || type === 'ping') return;
  console.log(type);
  clearTimeout(limit);
  socket.close();
});
socket.addEventListener('error', () => {
  console.log('connection failed');
  process.exit(1);
});
