import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { advertisedAddress } from './own-address.ts';
import type { Interfaces } from './own-address.ts';

function ofVersion4(address: string, internal = false): NetworkInterfaceInfo {
  const netmask = '255.255.0.0';
  return { family: 'IPv4', address, netmask, mac: '', internal, cidr: `${address}/16` };
}

function ofVersion6(address: string, internal = false): NetworkInterfaceInfo {
  const common = { netmask: 'ffff::', mac: '', internal, cidr: null };
  return { family: 'IPv6', address, scopeid: 0, ...common };
}

const loopback = [ofVersion4('127.0.0.1', true), ofVersion6('::1', true)];

function read(given: string, interfaces: Interfaces): string {
  const outcome = advertisedAddress(() => interfaces).safeParse(given);
  return outcome.success ? outcome.data : `! ${outcome.error.issues[0]?.message ?? ''}`;
}

test('an address is taken as it is given', () => {
  assert.equal(read('10.0.0.7:7410', {}), '10.0.0.7:7410');
  assert.equal(read('node-7.example.com:7410', {}), 'node-7.example.com:7410');
  assert.equal(read('not.own-address:7410', {}), 'not.own-address:7410');
  assert.match(read('own-address', {}), /^! must be host:port/);
  assert.match(read('own-address:0', {}), /^! must end in a port from 1/);
});

test('own-address is the one address of a container, with the port that was given', () => {
  const eth0 = [ofVersion4('172.18.0.5'), ofVersion6('fe80::42:acff:fe12:5')];
  assert.equal(read('own-address:7410', { lo: loopback, eth0 }), '172.18.0.5:7410');
});

test('IPv6 counts where there is no IPv4', () => {
  const eth0 = [ofVersion6('fd00::5'), ofVersion6('FE80::1')];
  assert.equal(read('own-address:7410', { lo: loopback, eth0 }), '[fd00::5]:7410');
  assert.equal(
    read('own-address:7410', { eth0: [...eth0, ofVersion4('10.0.0.7')] }),
    '10.0.0.7:7410',
  );
});

test('no choice is made between several addresses', () => {
  const interfaces = { eth0: [ofVersion4('10.0.0.7')], eth1: [ofVersion4('192.168.0.7')] };
  const answer = read('own-address:7410', { lo: loopback, ...interfaces });
  assert.match(answer, /^! own-address: this machine has 2 addresses/);
  assert.match(answer, /10\.0\.0\.7 \(eth0\), 192\.168\.0\.7 \(eth1\); give the one/);
  const bridges = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`br-${index}`, [ofVersion4(`172.18.${index}.1`)]]),
  );
  assert.ok(read('own-address:7410', bridges).length < 300, 'the list is cut short');
});

test('a machine without a network is told so', () => {
  const eth0 = [ofVersion4('169.254.7.7')];
  assert.match(read('own-address:7410', { lo: loopback, eth0 }), /no address but loopback/);
});
