import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const FLOORS = 'The floors: lab and widgets stand on core, never beside each other.';

export default defineConfig(
  { ignores: ['lib/', 'node_modules/'] },
  {
    files: ['{src,preview}/**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ['src/core/**', 'src/widgets/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@jupyterlab/*', '@lumino/*', '**/lab/**'], message: FLOORS }] },
      ],
      'no-restricted-globals': [
        'error',
        ...['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest'].map((name) => ({
          name,
          message: 'Only src/lab talks to a server; here the store does.',
        })),
      ],
    },
  },
  {
    files: ['src/lab/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['**/widgets/*', '@anywidget/*'], message: FLOORS }] },
      ],
    },
  },
);
