import type { Command, CommandName } from '../src/core/store';
import { ProblemError } from '../src/core/problem';
import type { Profile, ProfileCheck, StartingPoint } from '../src/core/schema';
import { problem, profile, profileCheck } from '../src/core/testing/fixtures';

/** As the mock has them, and one that has everything to say. */
export const PROFILES: readonly Profile[] = [
  profile('coder', { auto_start: true, pinned: true, temperature: 0.2, context_length: 32768 }),
  profile('summarise-8b', {
    model: 'mlx-community/Qwen3-8B-4bit',
    description: 'Short and to the point',
    system_prompt: 'Answer in one sentence.',
    max_tokens: 200,
    idle_unload_seconds: 1200,
  }),
  profile('studio', {
    engine: 'remote',
    model: 'Qwen3-235B-A22B-4bit',
    base_url: 'http://studio.local:8888/mlx-manager/v1',
  }),
  profile('draft-test', { model: 'mlx-community/Qwen3-32B-bf16' }),
];

export const POINTS: readonly StartingPoint[] = [
  {
    family: 'Qwen3',
    title: 'Thinking',
    reason: 'as its makers advise',
    values: { temperature: 0.6, top_p: 0.95, top_k: 20 },
  },
  {
    family: 'Qwen3',
    title: 'Plain answers',
    reason: 'without thinking',
    values: { temperature: 0.7, top_p: 0.8, chat_template_args: { enable_thinking: false } },
  },
];

/** What the extension would say, less well. */
export function checked(values: Readonly<Record<string, unknown>>): ProfileCheck {
  const engine = (values.engine as Profile['engine'] | undefined) ?? 'auto';
  const qwen = String(values.model).includes('Qwen3');
  const openai = engine === 'mlx-openai-server';
  const check = profileCheck({ engine: engine === 'auto' ? 'mlx-lm' : engine });
  const suggested = qwen && openai;
  return {
    ...check,
    notes: qwen && !openai ? ['mlx-lm finds the parser of tool calls by itself: qwen3.'] : [],
    honoured: openai
      ? [
          ...check.honoured.filter((name) => name !== 'kv_bits'),
          ...['tool_call_parser', 'reasoning_parser', 'message_converter', 'queue_size'],
        ]
      : check.honoured,
    problems:
      values.port === 8888
        ? [{ field: 'port', problem: problem('Jupyter listens on port 8888.') }]
        : [],
    suggestions: suggested
      ? [
          {
            field: 'tool_call_parser',
            value: 'qwen3',
            reason: '<tool_call> in the chat template',
            proven: false,
          },
          {
            field: 'reasoning_parser',
            value: 'qwen3',
            reason: 'one thinking prompt',
            proven: true,
          },
        ]
      : [],
  };
}

export type ProfileCommand = Command<Extract<CommandName, `${string}_profile`>>;

/** What such a command brings. */
export function carriedOut(command: ProfileCommand, known: readonly Profile[]): unknown {
  switch (command.command) {
    case 'check_profile':
      return checked(command.values);
    case 'create_profile':
      return profile('new', command.values);
    case 'edit_profile': {
      const before = known.find(({ name }) => name === command.name);
      return { ...before, ...command.values };
    }
    case 'copy_profile':
    case 'delete_profile':
    case 'probe_profile':
      throw new ProblemError({ code: 'preview', message: 'This is only a preview.' });
  }
}
