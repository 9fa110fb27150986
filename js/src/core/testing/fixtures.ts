import type { Metrics, Server, ServerLoad, Snapshot } from '../schema';

/** As `Format` counts memory; the weights of the made-up servers don't mind. */
const GB = 2 ** 30;

/** A ready server; say what is different about yours. */
export function server(name: string, more: Partial<Server> = {}): Server {
  return {
    name,
    model: 'mlx-community/Qwen3-Coder-14B-4bit',
    engine: 'mlx-lm',
    state: 'ready',
    pid: 4711,
    port: 10240,
    profile: null,
    revision: null,
    aliases: [],
    size_bytes: 9.1 * GB,
    keep: false,
    started_at: new Date(Date.now() - 72 * 60_000).toISOString(),
    ready_seconds: 3.1,
    progress: null,
    error: null,
    ...more,
  };
}

export function load(memoryBytes: number | null, rate = 0, firstToken: number | null = null) {
  return {
    memory_bytes: memoryBytes,
    in_flight: 0,
    tokens_per_second: rate,
    first_token_seconds: firstToken,
  } satisfies ServerLoad;
}

/** A sample of a machine with 48 GB, 16.6 of them free. */
export function metrics(servers: Metrics['servers'] = {}): Metrics {
  return {
    time: new Date().toISOString(),
    memory: { total_bytes: 48 * GB, used_bytes: 31.4 * GB, available_bytes: 16.6 * GB },
    servers,
  };
}

export function snapshot(servers: readonly Server[], more: Partial<Snapshot> = {}): Snapshot {
  return {
    type: 'snapshot',
    id: 'a-1',
    hardware: { chip: 'Apple M4 Pro', system: 'macOS 26', cores: 14, memory_bytes: 48 * GB },
    gateway_url: 'http://127.0.0.1:10239/v1',
    servers,
    profiles: [],
    metrics: metrics(),
    history: {},
    ...more,
  };
}
