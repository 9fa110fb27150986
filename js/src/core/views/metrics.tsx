import { useEffect, useMemo, useState } from 'preact/hooks';

import { TextButton } from '../components/button';
import { Chart, type Moment } from '../components/chart';
import { Banner, Note, Snippet } from '../components/notes';
import { loadPlotLibrary, type PlotLibrary } from '../components/plot';
import { Section } from '../components/section';
import { Segmented } from '../components/segmented';
import { useHost, type Translate } from '../host';
import { chartsOf } from '../metrics_charts';
import { RANGES, type MetricsLog, type Range } from '../metrics_log';
import type { Problem } from '../schema';
import type { State } from '../store';
import { useMetricsLog } from '../use_metrics_log';
import { MetricsTable } from './metrics_table';
import type { Body } from './panel';
import { FIRST_STEP } from './servers';

const [QUARTER] = RANGES as readonly [Range];

/** Figures over time: tokens per second, memory, and how long the first token takes. */
export const MetricsView: Body = ({ state, store }) => {
  const { t } = useHost();
  const [range, setRange] = useState(QUARTER);
  const { log, busy, problem, retry, range: shown } = useMetricsLog(store, state, range);
  const ran = log !== null && (log.servers.length > 0 || state.servers.length > 0);
  // What was saved with a notebook is a minute at most.
  const saved = state.connection.status === 'saved';
  const choice = (
    <Segmented
      label={t('How far back')}
      value={range.key}
      options={RANGES.map(({ key }) => ({ value: key, text: rangeText(key, t) }))}
      onChoose={(key) => {
        setRange(RANGES.find((one) => one.key === key) ?? QUARTER);
      }}
    />
  );
  return (
    <Section title={t('Metrics')} aside={!saved && choice} kind="metrics">
      {problem !== null && <Missing problem={problem} retry={retry} />}
      {log !== null && !ran && <NothingYet range={shown} />}
      {log === null && <Loading state={state} />}
      {log !== null && ran && (
        <>
          <Charts log={log} version={log.version} state={state} busy={busy} key={shown.key} />
          {state.metrics !== null && <MetricsTable state={state} metrics={state.metrics} />}
          <p class="mlxm-metrics-foot">
            {t('As a DataFrame:')} <Snippet code="mlx.metrics()" />
          </p>
        </>
      )}
    </Section>
  );
};

function rangeText(key: Range['key'], t: Translate): string {
  return { '15m': t('15 min'), '1h': t('1 h'), '24h': t('24 h') }[key];
}

function Charts(props: {
  readonly log: MetricsLog;
  /** Another one for every point that came: the log itself stays the same. */
  readonly version: number;
  readonly state: State;
  readonly busy: boolean;
}) {
  const { log, version, state, busy } = props;
  const host = useHost();
  const [library, setLibrary] = useState<PlotLibrary | null>(null);
  const [lost, setLost] = useState(false);
  const [moment, setMoment] = useState<Moment | null>(null);
  useEffect(() => {
    let current = true;
    loadPlotLibrary().then(
      (loaded) => {
        if (current) {
          setLibrary(() => loaded);
        }
      },
      () => {
        // A page that is older than the installed version asks for what is there no more.
        setLost(current);
      },
    );
    return () => {
      current = false;
    };
  }, []);
  const charts = useMemo(
    () => chartsOf(log, state.colors, host),
    [log, version, state.colors, host],
  );
  return (
    <>
      {lost && <Banner>{host.t('The charts can not be drawn: reload the page.')}</Banner>}
      <div class="mlxm-charts" aria-busy={busy}>
        {charts.map((data) => (
          <Chart
            key={data.key}
            data={data}
            library={library}
            moment={moment}
            onMoment={setMoment}
          />
        ))}
      </div>
    </>
  );
}

/** As high as what will stand there, so that nothing jumps. */
function Loading({ state }: { readonly state: State }) {
  const { t } = useHost();
  return state.connection.status === 'saved' ? (
    <Note title={t('Nothing was measured when this was saved.')} />
  ) : (
    <div class="mlxm-charts" aria-busy="true" aria-label={t('Loading…')} role="status">
      {['rate', 'memory', 'first_token'].map((key) => (
        <div key={key} class="mlxm-chart mlxm-chart-skeleton" data-chart={key} />
      ))}
    </div>
  );
}

function NothingYet({ range }: { readonly range: Range }) {
  const { t } = useHost();
  const title =
    range.key === '24h'
      ? t('No server has run yet')
      : t('No server has run in the last %1', rangeText(range.key, t));
  return (
    <Note title={title}>
      <p>
        {t('Its speed, memory and first tokens will be drawn here. Start one from a notebook:')}
      </p>
      <Snippet code={FIRST_STEP} />
    </Note>
  );
}

/** What came since is drawn all the same. */
function Missing({ problem, retry }: { readonly problem: Problem; readonly retry: () => void }) {
  const { t } = useHost();
  return (
    <div class="mlxm-banner" role="status">
      <span>
        {t('What was measured before is missing: %1', problem.message)} {problem.hint}
      </span>
      <TextButton text={t('Try again')} label={t('Try again')} onPress={retry} />
    </div>
  );
}
