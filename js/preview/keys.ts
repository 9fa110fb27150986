import type { Keys } from '../src/core/host';
import type { CreateKey, Key, NewKey } from '../src/core/schema';
import { gatewayKey } from '../src/core/testing/fixtures';

const HOUR_MS = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();

/** Keys of every kind, that can be made and revoked. */
export class PreviewKeys implements Keys {
  private all: readonly Key[] = [
    gatewayKey('1', { label: 'my editor', last_used_at: inHours(-0.1) }),
    gatewayKey('2', {
      label: 'build server of the whole department, second floor',
      profiles: ['coder', 'summarise-8b'],
      expires_at: inHours(711),
      requests_per_minute: 60,
    }),
    gatewayKey('3', { label: 'kernel', pid: 4711, notebook: 'work/Questions.ipynb' }),
    gatewayKey('4', { label: 'mlx', pid: 4712, last_used_at: inHours(-30) }),
    gatewayKey('5', { label: 'guest', expires_at: inHours(-50), last_used_at: inHours(-51) }),
  ];

  list(): Promise<readonly Key[]> {
    return Promise.resolve(this.all);
  }

  create(wanted: Partial<CreateKey>): Promise<NewKey> {
    const { expires_in_seconds: seconds = null, ...rest } = wanted;
    const expires_at = seconds === null ? null : inHours(seconds / 3600);
    const key = gatewayKey(String(Date.now()), { ...rest, expires_at });
    this.all = [...this.all, key];
    return Promise.resolve({ key, secret: `mlx-${'made-up'.repeat(6)}x` });
  }

  revoke(id: string): Promise<void> {
    this.all = this.all.filter((key) => key.id !== id);
    return Promise.resolve();
  }
}
