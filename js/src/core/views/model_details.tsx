import { useEffect, useState } from 'preact/hooks';

import { secondsSince } from '../format';
import { useHost, type Host } from '../host';
import { problemOf } from '../problem';
import type { Model, ModelFile, Problem } from '../schema';
import { bitsText, capabilityWord, type PrimaryAction } from './model_figures';
import { ModelActions } from './model_actions';
import { FitView } from './model_fit';
import type { ModelRowProps } from './model_row';

/** All that is known of a model, and what each fact was read from. */
export function ModelDetails(props: ModelRowProps & { readonly primary: PrimaryAction }) {
  const { model, store, learn } = props;
  const host = useHost();
  const [failure, setFailure] = useState<Problem | null>(null);
  const { id } = model;
  useEffect(() => {
    const question = new AbortController();
    store.send({ command: 'model', id }, question.signal).then(learn, (thrown: unknown) => {
      if (!question.signal.aborted) {
        setFailure(problemOf(thrown));
      }
    });
    return () => {
      question.abort();
    };
  }, [store, id, learn]);
  return (
    <div class="mlxm-details">
      {failure && (
        <p class="mlxm-failure" role="alert">
          {failure.message} {failure.hint}
        </p>
      )}
      <FitView {...props} />
      <dl>
        {factsOf(model, props.now, host).map((fact) => (
          <Fact key={fact.name} {...fact} />
        ))}
      </dl>
      {model.files.length > 0 && <Files files={model.files} />}
      {props.state.connection.status !== 'saved' && <ModelActions {...props} />}
      {model.engine_problem !== null && <p class="mlxm-failure">{model.engine_problem}</p>}
    </div>
  );
}

interface FactText {
  readonly name: string;
  readonly values: readonly {
    readonly text: string;
    /** What it was read from. */
    readonly evidence: string | undefined;
  }[];
}

function Fact({ name, values }: FactText) {
  return (
    <>
      <dt>{name}</dt>
      {values.map(({ text, evidence }) => (
        <dd key={text}>
          {text}
          {evidence && <small>{evidence}</small>}
        </dd>
      ))}
    </>
  );
}

/** Those that are known, in the order in which people ask for them. */
function factsOf(model: Model, now: number, host: Host): readonly FactText[] {
  const { t, format } = host;
  const { evidence } = model;
  const facts: FactText[] = [];
  const add = (name: string, value: string | null | false, from?: string) => {
    if (value !== null && value !== false && value !== '') {
      facts.push({ name, values: [{ text: value, evidence: from }] });
    }
  };
  const agoOf = (moment: string | null) => moment !== null && format.ago(secondsSince(moment, now));
  add(t('Model'), model.id);
  add(
    t('Parameters'),
    model.parameters !== null && format.compact(model.parameters),
    evidence.parameters,
  );
  add(t('Quantization'), quantizationText(model, host), evidence.quantization ?? evidence.bits);
  add(
    t('Context'),
    model.context_length !== null && t('%1 tokens', format.number(model.context_length)),
    evidence.context_length,
  );
  if (model.capabilities.length > 0) {
    const values = model.capabilities.map((name) => ({
      text: capabilityWord(name, host),
      evidence: evidence[name],
    }));
    facts.push({ name: t('Capabilities'), values });
  }
  add(
    t('Architecture'),
    [model.model_type, model.family].filter(Boolean).join(', '),
    evidence.model_type ?? evidence.family,
  );
  add(t('Engine'), model.engine, evidence.engine);
  add(
    t('Options'),
    Object.entries(model.flags)
      .map(([name, value]) => `${name}=${value}`)
      .join(', '),
    Object.keys(model.flags)
      .map((name) => evidence[name])
      .find(Boolean),
  );
  add(t('License'), model.license, evidence.license);
  add(t('Made from'), model.base_model, evidence.base_model);
  add(
    t('Popularity'),
    model.downloads !== null &&
      t('%1 downloads a month, %2 likes', format.compact(model.downloads), model.likes ?? 0),
  );
  add(t('Updated'), agoOf(model.updated_at));
  add(t('Used'), agoOf(model.used_at));
  add(t('Revision'), model.revision?.slice(0, 12) ?? null);
  add(t('Folder'), model.path);
  return facts;
}

function quantizationText(model: Model, host: Host): string | false {
  const { t } = host;
  const { quantization, bits } = model;
  if (quantization === null) {
    return bits !== null && bitsText(model, host);
  }
  return [
    quantization.method !== 'mlx' && quantization.method,
    bitsText(model, host),
    quantization.group_size !== null && t('groups of %1', quantization.group_size),
    quantization.bits_per_weight !== null &&
      t('%1 bits per weight', Number(quantization.bits_per_weight.toFixed(2))),
  ]
    .filter(Boolean)
    .join(', ');
}

function Files({ files }: { readonly files: readonly ModelFile[] }) {
  const { t, format } = useHost();
  const total = files.reduce((sum, file) => sum + file.size_bytes, 0);
  return (
    <details class="mlxm-files">
      <summary>{t('%1 files, %2', files.length, format.bytes(total))}</summary>
      <ul role="list">
        {files.map((file) => (
          <li key={file.path} role="listitem" title={file.sha256 ?? undefined}>
            <span>{file.path}</span> <span>{format.bytes(file.size_bytes)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
