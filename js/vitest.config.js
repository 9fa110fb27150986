import { defineConfig } from 'vitest/config';

export default defineConfig({
  // React's JSX by another name.
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    setupFiles: ['src/core/testing/layout.ts'],
  },
});
