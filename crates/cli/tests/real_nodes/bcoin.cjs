'use strict';
// Starts a bcoin full node in regtest mode that stays on loopback, for tests.
//
// usage: NODE_BACKEND=js node bcoin.cjs MODULES PORT [HOST…]
//
// Prints one JSON object a line: what it says of itself once it listens, then, whenever a peer has gone, what that peer
// had said and how badly it had behaved.
//
// bcoin's own launcher asks public DNS for its address and dials its list of hosts; here it does neither, and a dial
// outside 127.0.0.0/8 throws.
const net = require('net');
const path = require('path');

const [modules, port, ...hosts] = process.argv.slice(2);
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host = typeof options === 'object' ? options.host : args[1];
  if (!/^127\./.test(host || '127.0.0.1'))
    throw new Error(`a dial to ${host} is not allowed in a test`);
  return connect.apply(this, args);
};

const { FullNode } = require(path.join(modules, 'bcoin'));
const NetAddress = require(path.join(modules, 'bcoin/lib/net/netaddress'));
const node = new FullNode({
  network: 'regtest',
  memory: true,
  listen: true,
  host: '127.0.0.1',
  port: Number(port),
  publicHost: '127.0.0.1',
  maxOutbound: 1,
  maxInbound: 100,
  discover: false,
  discoverExternal: false,
  noDns: true,
  seeds: [],
  only: [],
  upnp: false,
  httpHost: '127.0.0.1',
  httpPort: Number(port) + 1,
  workers: false,
});
node.pool.hosts.discoverExternal = async () => {};
// It dials nobody, whomever it knows.
node.pool.addLoader = () => {};
node.pool.fillOutbound = () => {};
node.pool.on('peer close', (peer) => {
  console.log(JSON.stringify({
    hostname: peer.hostname(),
    version: peer.version,
    services: peer.services,
    agent: peer.agent,
    height: peer.height,
    noRelay: peer.noRelay,
    banScore: peer.banScore,
    nBanned: node.pool.hosts.banned.size,
  }));
});

(async () => {
  await node.ensure();
  await node.open();
  await node.connect();
  const { pool, chain } = node;
  const book = hosts.map((host, i) => {
    const addr = NetAddress.fromHostname(host, 'regtest');
    addr.services = i % 2 ? 1 : 0xc09;
    addr.time = node.network.now() - i;
    if (!pool.hosts.add(addr))
      throw new Error(`no place for ${host}`);
    return { to: host, time: addr.time, services: addr.services };
  });
  console.log(JSON.stringify({
    version: pool.options.version,
    services: pool.options.services,
    agent: pool.options.agent,
    height: chain.height,
    book,
  }));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
