export * from './fault-proxy.ts';
export * from './free-port.ts';
export * from './link-contract.ts';
export * from './manual-clock.ts';
export * from './network.ts';
export * from './process.ts';
export * from './seeded-random.ts';
export { NO_FAULTS, type PathFaults } from './simulated-pipe.ts';
export * from './wait.ts';
