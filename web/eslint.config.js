import { defineConfig } from "eslint/config";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const noReact = {
  patterns: [
    {
      group: ["react", "react/*", "react-dom", "react-dom/*", "**/hooks/**", "**/ui/**"],
      message: "core and avatar know no framework: hooks/ binds them to React.",
    },
  ],
};

export default defineConfig(
  { ignores: ["dist", "node_modules"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js"] } } },
    rules: {
      // A number in a message is what is meant.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `() => audio.stop()` as a clean-up reads better than with braces.
      "@typescript-eslint/no-confusing-void-expression": "off",
      // A generated protocol wants `type` for unions and `interface` for records alike.
      "@typescript-eslint/consistent-type-definitions": "off",
      "max-lines": ["error", { max: 400 }],
      "max-lines-per-function": ["error", { max: 80, skipBlankLines: true, skipComments: true }],
      eqeqeq: "error",
    },
  },
  { files: ["src/core/**", "src/avatar/**"], rules: { "no-restricted-imports": ["error", noReact] } },
  { files: ["src/**/*.{ts,tsx}"], ...hooks.configs.flat["recommended-latest"] },
  {
    files: ["tests/**"],
    rules: {
      "max-lines-per-function": "off",
      // Fakes stand in for the browser's own classes.
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/require-await": "off",
    },
  },
);
