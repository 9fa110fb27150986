import { Dot } from '../components/dot';
import { useHost, type Host } from '../host';
import type { Metrics, ServerLoad } from '../schema';
import type { State } from '../store';

/** The latest figures of every server in words: what the charts draw, and what they don't. */
export function MetricsTable({
  state,
  metrics,
}: {
  readonly state: State;
  readonly metrics: Metrics;
}) {
  const { t } = useHost();
  const names = Object.keys(metrics.servers).sort();
  const states = new Map(state.servers.map((server) => [server.name, server.state]));
  return (
    <div class="mlxm-table" role="region" aria-label={t('Now')} tabIndex={0}>
      <table>
        <caption class="mlxm-hidden">{t('Now')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('Server')}</th>
            <th scope="col">{t('Speed')}</th>
            <th scope="col" title={t('Of half the requests, and of 95 % of them.')}>
              {t('First token')}
            </th>
            <th scope="col">{t('Memory')}</th>
            <th scope="col" title={t('100% for each core that is busy.')}>
              {t('CPU')}
            </th>
            <th scope="col">{t('In flight')}</th>
            <th scope="col">{t('Waiting')}</th>
            <th scope="col">{t('Requests')}</th>
            <th scope="col">{t('Errors')}</th>
            <th scope="col">{t('Tokens')}</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const word = states.get(name);
            return (
              <tr key={name} data-name={name}>
                <th scope="row">
                  {word && <Dot state={word} />}
                  {name}
                </th>
                <Cells load={metrics.servers[name]} />
              </tr>
            );
          })}
        </tbody>
        {names.length !== 1 && (
          <tfoot>
            <tr data-name="">
              <th scope="row">{t('Total')}</th>
              <Cells load={metrics.total} />
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

function Cells({ load }: { readonly load: ServerLoad | undefined }) {
  const host = useHost();
  return load ? (
    <>
      {cellsOf(load, host).map(([key, text]) => (
        <td key={key} data-figure={key}>
          {text}
        </td>
      ))}
    </>
  ) : null;
}

function cellsOf(load: ServerLoad, { format }: Host): readonly (readonly [string, string])[] {
  const known = <V,>(value: V | null, text: (value: V) => string) =>
    value === null ? '–' : text(value);
  const waits = [load.first_token_p50, load.first_token_p95].filter((value) => value !== null);
  return [
    ['rate', format.rate(load.tokens_per_second)],
    [
      'first_token',
      waits.length === 0 ? '–' : waits.map((value) => format.seconds(value)).join(' / '),
    ],
    ['memory', known(load.memory_bytes, (bytes) => format.memory(bytes))],
    ['cpu', known(load.cpu_percent, (percent) => `${format.number(percent)}%`)],
    ['in_flight', format.number(load.in_flight)],
    ['queued', format.number(load.queued)],
    ['requests', format.number(load.requests)],
    ['errors', format.number(load.errors)],
    ['tokens', format.number(load.tokens)],
  ];
}
