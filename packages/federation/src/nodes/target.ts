/** `host:port` of a WebSocket URL as it is dialled: what HELLO names as its target. */
export function targetOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === 'wss:' ? '443' : '80')}`;
}
