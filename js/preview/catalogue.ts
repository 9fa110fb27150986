import type { Fit, Model, ModelPage, ModelQuery } from '../src/core/schema';
import { CAPABILITIES } from '../src/core/model_filters';
import { model } from '../src/core/testing/fixtures';

const GIB = 2 ** 30;
const FREE = 16.6 * GIB;
const FAMILIES = [
  ['Qwen3', [0.6, 1.7, 4, 8, 14, 32, 235], ['tools', 'reasoning']],
  ['Qwen3-VL', [2, 4, 8, 30], ['vision', 'tools']],
  ['Qwen2.5-Coder', [0.5, 1.5, 7, 32], ['tools']],
  ['Llama-3.2', [1, 3, 11], ['tools']],
  ['gemma-3', [1, 4, 12, 27], ['vision']],
  ['Mistral-Small-3.2', [24], ['vision', 'tools']],
  ['DeepSeek-R1-Distill-Qwen', [1.5, 7, 14, 32], ['reasoning']],
  ['gpt-oss', [20, 120], ['tools', 'reasoning']],
  ['granite-4.0-h', [1, 3, 7], ['tools']],
  ['bge-m3', [0.57], ['embeddings']],
  ['whisper-large-v3', [1.55], ['audio']],
] as const;
const BUILDS = [
  ['4bit', 4],
  ['8bit', 8],
  ['bf16', 16],
  ['6bit', 6],
  ['4bit-DWQ', 4],
  ['3bit', 3],
  ['mxfp4', 4],
] as const;

/** A row as the catalogue has it, with a size that would be known if `exact`. */
export function made(
  id: string,
  billions: number,
  bits: number,
  more: Partial<Model> & { readonly exact?: boolean } = {},
): Model {
  const { exact = true, ...fields } = more;
  const bytes = Math.round(((billions * (bits + (bits < 16 ? 0.5 : 0))) / 8) * 1e9);
  const needed = bytes * 1.05 + GIB;
  const share = needed / FREE;
  return model(id, {
    size_bytes: exact ? bytes : null,
    estimated_bytes: exact ? null : bytes,
    parameters: billions * 1e9,
    bits,
    context_length: exact ? 40960 : null,
    fit: share < 0.75 ? 'fits' : share < 0.85 ? 'tight' : 'no',
    needed_bytes: needed,
    spare_bytes: FREE - needed,
    ...fields,
  });
}

/** As many models as are asked for, named as people name them. */
export function catalogue(count: number): readonly Model[] {
  const found: Model[] = [];
  for (let round = 0; found.length < count; round += 1) {
    for (const [family, sizes, capabilities] of FAMILIES) {
      for (const size of sizes) {
        for (const [build, bits] of BUILDS) {
          const author = round === 0 ? 'mlx-community' : `author-${String(round)}`;
          const id = `${author}/${family}-${String(size)}B-${build}`;
          found.push(
            made(id, size, bits, {
              family: family.split('-')[0] ?? family,
              capabilities,
              exact: round === 0,
              downloads: Math.round(1e6 / (found.length + 1)),
              gated: family.startsWith('Llama'),
            }),
          );
        }
      }
    }
  }
  return found.slice(0, count);
}

/** What the extension would answer, less well. */
export function answer(models: readonly Model[], query: ModelQuery): ModelPage {
  const words = query.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = models.filter(
    (one) =>
      (query.source === 'hub' || one.local) &&
      words.every((word) => one.id.toLowerCase().includes(word)) &&
      (query.bits.length === 0 || query.bits.includes(one.bits ?? 0)) &&
      (query.family === null || one.family === query.family) &&
      (query.author === null || one.author === query.author) &&
      (!query.fits || one.fit !== 'no') &&
      CAPABILITIES.every((name) => !query[name] || one.capabilities.includes(name)),
  );
  return {
    models: found.slice(query.offset, query.offset + query.limit),
    total: found.length,
  };
}

/** The row with what only its files tell. */
export function detailed(row: Model): Model {
  const bytes = row.size_bytes ?? row.estimated_bytes ?? 0;
  return {
    ...row,
    size_bytes: bytes,
    estimated_bytes: null,
    context_length: 40960,
    quantization: {
      method: 'mlx',
      bits: row.bits ?? 16,
      mode: 'affine',
      group_size: 64,
      mixed: false,
      bits_per_weight: (row.bits ?? 16) + 0.5,
    },
    flags: { tool_call_parser: 'qwen3' },
    evidence: {
      bits: 'quantization in config.json',
      context_length: 'max_position_embeddings in config.json',
      tools: 'tools in the chat template',
      reasoning: '<think> in the chat template',
      parameters: 'safetensors header',
      license: 'model card',
    },
    files: [
      { path: 'config.json', size_bytes: 937, sha256: null },
      { path: 'model-00001-of-00002.safetensors', size_bytes: bytes * 0.9, sha256: 'c0ffee' },
      { path: 'model-00002-of-00002.safetensors', size_bytes: bytes * 0.1, sha256: 'c0ffee' },
      { path: 'tokenizer.json', size_bytes: 11_422_654, sha256: 'c0ffee' },
    ],
  };
}

export function fitOf(row: Model, tokens = 8192): Fit {
  const weights = row.size_bytes ?? row.estimated_bytes ?? 0;
  const cache = tokens * 147_456;
  const overhead = 0.6 * GIB;
  const needed = weights + cache + overhead;
  const share = needed / FREE;
  return {
    model: row.id,
    verdict: share < 0.75 ? 'fits' : share < 0.85 ? 'tight' : 'no',
    weights_bytes: weights,
    cache_bytes: cache,
    overhead_bytes: overhead,
    needed_bytes: needed,
    available_bytes: FREE,
    total_bytes: 48 * GIB,
    spare_bytes: FREE - needed,
    context_length: tokens,
    concurrency: 1,
    kv_bits: null,
    measured: 3,
    reason: share < 0.85 ? 'It fits beside what is running.' : 'It is larger than what is free.',
    alternative:
      share < 0.85
        ? null
        : {
            id: 'mlx-community/Qwen3-8B-4bit',
            needed_bytes: 5.6 * GIB,
            size_bytes: 4.6e9,
            bits: 4,
            local: false,
          },
  };
}
