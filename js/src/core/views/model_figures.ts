import type { Tone } from '../components/badge';
import { secondsSince, unbroken } from '../format';
import type { Host } from '../host';
import type { Model, ModelSource, Server } from '../schema';
import { isRunning } from './figures';

/** What its row offers first. */
export type PrimaryAction = 'serve' | 'download' | 'resume' | 'details' | 'none';

export function primaryAction(
  model: Model,
  servers: readonly Server[],
  offline: boolean,
): PrimaryAction {
  if (model.complete) {
    return servers.length > 0 ? 'none' : 'serve';
  }
  if (offline) {
    return 'details';
  }
  if (model.local) {
    return 'resume';
  }
  return model.fit === 'no' || model.engine_problem !== null ? 'details' : 'download';
}

/** Servers that hold it now, or are about to. */
export function serversOf(model: Model, servers: readonly Server[]): readonly Server[] {
  return servers.filter(
    (server) =>
      isRunning(server) &&
      (server.model === model.id ||
        server.model === model.path ||
        model.servers.includes(server.name)),
  );
}

/** `4.6 GB`, `≈ 4.6 GB` if that is a guess, `1.2 of 4.6 GB here`; empty if nobody knows. */
export function sizeText(model: Model, { t, format }: Host): string {
  const total = model.size_bytes ?? model.estimated_bytes;
  const guess = model.size_bytes === null ? '≈\u00a0' : '';
  if (model.local && !model.complete) {
    const here = model.partial_bytes;
    return unbroken(
      total !== null && total > here
        ? t('%1 of %2 here', format.amount(here, total), guess + format.bytes(total))
        : t('%1 here, not complete', format.bytes(here)),
    );
  }
  return total === null ? '' : guess + format.bytes(total);
}

/** The line below the name. */
export function metaText(model: Model, source: ModelSource, now: number, host: Host): string {
  const { t, format } = host;
  const context =
    model.context_length !== null && unbroken(t('%1 context', format.tokens(model.context_length)));
  const used =
    model.used_at !== null && unbroken(t('used %1', format.ago(secondsSince(model.used_at, now))));
  const here = model.complete && source === 'hub';
  return [
    here ? t('on this machine') : (model.author ?? t('folder')),
    sizeText(model, host),
    model.complete ? used : context,
    ...(source === 'local' ? model.profiles.map((name) => t('profile %1', name)) : []),
  ]
    .filter(Boolean)
    .join(' · ');
}

export interface Mark {
  readonly key: string;
  readonly text: string;
  readonly tone: Tone;
  readonly title?: string | undefined;
}

/** Whether it fits into the memory that is free now; null where nobody knows. */
export function fitMark(model: Model, { t, format }: Host): Mark | null {
  const { fit, needed_bytes: needed, spare_bytes: spare } = model;
  if (fit === null || needed === null || spare === null) {
    return null;
  }
  const about = model.size_bytes === null ? '≈\u00a0' : '';
  const title = t('needs %1 of memory', about + format.room(needed));
  switch (fit) {
    case 'fits':
      return {
        key: 'fit',
        tone: 'ok',
        text: t('fits, %1 to spare', about + format.room(spare)),
        title,
      };
    case 'tight':
      return {
        key: 'fit',
        tone: 'warn',
        text: t('tight: %1 to spare', about + format.room(spare)),
        title,
      };
    case 'no':
      return { key: 'fit', tone: 'no', text: t('needs %1', about + format.room(needed)), title };
  }
}

/** What a row says about its model in badges, the most important first. */
export function marksOf(model: Model, running: boolean, host: Host): readonly Mark[] {
  const { t } = host;
  const { quantization, bits, evidence } = model;
  const marks: (Mark | null | false)[] = [
    model.engine_problem !== null && {
      key: 'engine',
      tone: 'no',
      text: t("can't run here"),
      title: model.engine_problem,
    },
    // What it takes is taken already.
    !running && fitMark(model, host),
    model.gated && {
      key: 'gated',
      tone: 'warn',
      text: t('gated'),
      title: t('Its owner wants to be asked first, on its page on Hugging Face.'),
    },
    quantization !== null && quantization.method !== 'mlx'
      ? { key: 'bits', tone: 'warn', text: quantization.method, title: evidence.quantization }
      : bits !== null && {
          key: 'bits',
          tone: 'plain',
          text: bitsText(model, host),
          title: evidence.quantization ?? evidence.bits,
        },
    ...model.capabilities.map((name) => ({
      key: name,
      tone: 'plain' as const,
      text: capabilityWord(name, host),
      title: evidence[name],
    })),
  ];
  return marks.filter((mark): mark is Mark => Boolean(mark));
}

/** `4-bit`, `mxfp4`, `4-bit mixed`. */
export function bitsText({ bits, quantization }: Model, { t }: Host): string {
  const mode = quantization?.mode ?? 'affine';
  const name = mode === 'affine' ? t('%1-bit', bits ?? quantization?.bits ?? '') : mode;
  return quantization?.mixed === true ? t('%1 mixed', name) : name;
}

export function capabilityWord(name: Model['capabilities'][number], { t }: Host): string {
  return {
    vision: t('vision'),
    tools: t('tools'),
    reasoning: t('reasoning'),
    embeddings: t('embeddings'),
    audio: t('audio'),
  }[name];
}
