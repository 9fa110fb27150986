import { useEffect, useRef, useState } from 'preact/hooks';

import { stateWord } from '../components/dot';
import { shortModel } from '../format';
import { useHost, type Translate } from '../host';
import type { Download, Server } from '../schema';
import { downloadWord } from './download_figures';

/** Where a download's story ends; what is between was asked for by the listener. */
const HEARD: ReadonlySet<string> = new Set(['done', 'failed']);

/** Tells a screen reader what changed: states only, figures would never let it rest. */
export function Announcer(props: {
  readonly servers: readonly Server[];
  readonly downloads: readonly Download[];
}) {
  const { t } = useHost();
  const servers = useChanges(
    props.servers.map((server) => [server.name, stateWord(server.state, t)]),
    t('stopped'),
  );
  const downloads = useChanges(
    props.downloads
      .filter(({ state }) => HEARD.has(state))
      .map((download) => [download.id, downloadText(download, t)]),
  );
  return (
    <div class="mlxm-hidden">
      <div role="status" aria-live="polite">
        {servers.map(([name, word]) => `${name}: ${word}`).join(', ')}
      </div>
      <div role="status" aria-live="polite">
        {downloads.map(([, text]) => text).join(', ')}
      </div>
    </div>
  );
}

function downloadText(download: Download, t: Translate): string {
  const text = `${shortModel(download.model)}: ${downloadWord(download, t)}`;
  return download.state === 'failed' && download.error
    ? `${text}. ${download.error.message}`
    : text;
}

type Words = readonly (readonly [name: string, word: string])[];

/** What is different from the last drawing; `gone` is the word for what is no longer there. */
function useChanges(now: Words, gone?: string): Words {
  const before = useRef<ReadonlyMap<string, string> | null>(null);
  const [changes, setChanges] = useState<Words>([]);
  useEffect(() => {
    const known = before.current;
    const current = new Map(now);
    before.current = current;
    if (known === null) {
      return;
    }
    const news: Words = [
      ...now.filter(([name, word]) => known.get(name) !== word),
      ...(gone === undefined
        ? []
        : [...known.keys()]
            .filter((name) => !current.has(name))
            .map((name) => [name, gone] as const)),
    ];
    if (news.length > 0) {
      setChanges(news);
    }
  });
  return changes;
}
