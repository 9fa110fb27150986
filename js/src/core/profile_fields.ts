// Made by generate_schema.py from mlx_manager_jupyter/schema: do not edit.

/** What is typed for a field, and how it is read. */
export type FieldKind =
  'text' | 'integer' | 'number' | 'choice' | 'switch' | 'words' | 'pairs' | 'json';

/** One field of the form. Names with a dot are parts of a record. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly kind: FieldKind;
  /** Its value while it is unset. */
  readonly initial: unknown;
  /** What happens while it is unset, in a few words. */
  readonly unset: string;
  readonly unit?: string;
  readonly example?: string;
  readonly long?: boolean;
  readonly options?: readonly (string | number)[];
  readonly minimum?: number;
  /** The minimum itself is too small. */
  readonly above?: boolean;
  readonly maximum?: number;
  /** Of the text, or of each word. */
  readonly pattern?: string;
}

export interface FormSection {
  readonly key: string;
  readonly title: string;
  readonly fields: readonly FormField[];
}

export const FORM: readonly FormSection[] = [
  {
    "key": "model",
    "title": "Model",
    "fields": [
      {
        "name": "name",
        "label": "Name",
        "help": "What you type to run it.",
        "kind": "text",
        "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        "initial": null,
        "unset": "required",
        "example": "coder"
      },
      {
        "name": "model",
        "label": "Model",
        "help": "A repo id of the Hugging Face cache, or a local folder; for `remote` the name to ask for.",
        "kind": "text",
        "initial": "",
        "unset": "required",
        "example": "mlx-community/Qwen3-8B-4bit"
      },
      {
        "name": "engine",
        "label": "Engine",
        "help": "The program that runs it; `auto` chooses by what the model is and what is set here.",
        "kind": "choice",
        "options": [
          "auto",
          "mlx-lm",
          "mlx-vlm",
          "mlx-openai-server",
          "remote",
          "command"
        ],
        "initial": "auto",
        "unset": "auto"
      },
      {
        "name": "description",
        "label": "Description",
        "help": "A note to yourself.",
        "kind": "text",
        "initial": "",
        "unset": "none"
      },
      {
        "name": "aliases",
        "label": "Aliases",
        "help": "More names under which the gateway finds it.",
        "kind": "words",
        "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        "initial": [],
        "unset": "none",
        "example": "gpt-4o, local"
      },
      {
        "name": "revision",
        "label": "Revision",
        "help": "Branch, tag or commit; the newest that is here by default.",
        "kind": "text",
        "initial": null,
        "unset": "the newest here"
      },
      {
        "name": "model_type",
        "label": "Kind of model",
        "help": "What kind of model the engine is told to expect.",
        "kind": "choice",
        "options": [
          "auto",
          "lm",
          "multimodal",
          "embeddings",
          "whisper",
          "image-generation",
          "image-edit"
        ],
        "initial": "auto",
        "unset": "auto"
      },
      {
        "name": "adapter_path",
        "label": "Adapter folder",
        "help": "A folder with trained adapters (LoRA).",
        "kind": "text",
        "initial": null,
        "unset": "none"
      },
      {
        "name": "trust_remote_code",
        "label": "Trust the model's code",
        "help": "Run code that comes with the model.",
        "kind": "switch",
        "initial": false,
        "unset": "off"
      }
    ]
  },
  {
    "key": "sampling",
    "title": "Sampling",
    "fields": [
      {
        "name": "system_prompt",
        "label": "System prompt",
        "help": "Put before every conversation that has none of its own.",
        "kind": "text",
        "initial": null,
        "unset": "none",
        "long": true
      },
      {
        "name": "temperature",
        "label": "Temperature",
        "help": "0 for the most likely answer; higher is more varied.",
        "kind": "number",
        "minimum": 0.0,
        "maximum": 2.0,
        "initial": null,
        "unset": "engine's default"
      },
      {
        "name": "max_tokens",
        "label": "Longest answer",
        "help": "Where an answer is cut when the request does not say.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "tokens"
      },
      {
        "name": "top_p",
        "label": "Top p",
        "help": "Choose among the likeliest tokens that make up this probability together.",
        "kind": "number",
        "minimum": 0.0,
        "maximum": 1.0,
        "initial": null,
        "unset": "engine's default"
      },
      {
        "name": "top_k",
        "label": "Top k",
        "help": "Choose among so many of the likeliest tokens; 0 for all.",
        "kind": "integer",
        "minimum": 0,
        "initial": null,
        "unset": "engine's default"
      },
      {
        "name": "min_p",
        "label": "Min p",
        "help": "Leave out tokens less likely than this share of the likeliest one.",
        "kind": "number",
        "minimum": 0.0,
        "maximum": 1.0,
        "initial": null,
        "unset": "engine's default"
      },
      {
        "name": "repetition_penalty",
        "label": "Repetition penalty",
        "help": "Above 1 to repeat less.",
        "kind": "number",
        "minimum": 0.0,
        "above": true,
        "maximum": 2.0,
        "initial": null,
        "unset": "engine's default"
      },
      {
        "name": "seed",
        "label": "Seed",
        "help": "For the same answer to the same question, as far as the engine can.",
        "kind": "integer",
        "minimum": 0,
        "initial": null,
        "unset": "another each time"
      }
    ]
  },
  {
    "key": "memory",
    "title": "Context and memory",
    "fields": [
      {
        "name": "context_length",
        "label": "Context length",
        "help": "Tokens that a conversation may have; also what the memory is planned for.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "the model's own",
        "unit": "tokens"
      },
      {
        "name": "kv_bits",
        "label": "Cache quantization",
        "help": "Bits of the keys and values of a conversation; fewer take less memory.",
        "kind": "choice",
        "options": [
          2,
          3,
          4,
          6,
          8
        ],
        "initial": null,
        "unset": "not quantized",
        "unit": "bits"
      },
      {
        "name": "kv_group_size",
        "label": "Cache group size",
        "help": "How many of them share a scale.",
        "kind": "choice",
        "options": [
          32,
          64,
          128
        ],
        "initial": null,
        "unset": "engine's default"
      },
      {
        "name": "quantized_kv_start",
        "label": "Quantize the cache from",
        "help": "From which token on they are quantized.",
        "kind": "integer",
        "minimum": 0,
        "initial": null,
        "unset": "engine's default",
        "unit": "tokens"
      },
      {
        "name": "prompt_cache_size",
        "label": "Prompts kept prepared",
        "help": "How many prompts are kept prepared.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "prompts"
      },
      {
        "name": "prompt_cache_bytes",
        "label": "Memory for prepared prompts",
        "help": "How much memory prepared prompts may take.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "bytes",
        "example": "4 GB"
      },
      {
        "name": "prefill_step_size",
        "label": "Prompt step",
        "help": "Tokens of a prompt that are read in one step.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "tokens"
      },
      {
        "name": "draft_model",
        "label": "Draft model",
        "help": "A small model that guesses ahead: an id of this machine or a folder.",
        "kind": "text",
        "initial": null,
        "unset": "none"
      },
      {
        "name": "num_draft_tokens",
        "label": "Draft tokens",
        "help": "How many tokens the draft model guesses at a time.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "tokens"
      }
    ]
  },
  {
    "key": "parsers",
    "title": "Parsers and templates",
    "fields": [
      {
        "name": "tool_call_parser",
        "label": "Tool call parser",
        "help": "Which notation of tool calls the engine reads; suggested from the model.",
        "kind": "text",
        "initial": null,
        "unset": "none"
      },
      {
        "name": "reasoning_parser",
        "label": "Reasoning parser",
        "help": "Which notation of thinking the engine reads; suggested from the model.",
        "kind": "text",
        "initial": null,
        "unset": "none"
      },
      {
        "name": "message_converter",
        "label": "Message converter",
        "help": "Which rewriting of messages the engine does before the template.",
        "kind": "text",
        "initial": null,
        "unset": "none"
      },
      {
        "name": "enable_auto_tool_choice",
        "label": "Tools on the model's own choice",
        "help": "Let the model decide when to call a tool.",
        "kind": "switch",
        "initial": false,
        "unset": "off"
      },
      {
        "name": "chat_template_file",
        "label": "Chat template file",
        "help": "A template used instead of the model's own.",
        "kind": "text",
        "initial": null,
        "unset": "the model's own"
      },
      {
        "name": "chat_template_args",
        "label": "Template values",
        "help": "Values for the template, such as `{\"enable_thinking\": false}`.",
        "kind": "json",
        "initial": null,
        "unset": "none",
        "example": "{\"enable_thinking\": false}",
        "long": true
      }
    ]
  },
  {
    "key": "concurrency",
    "title": "Concurrency",
    "fields": [
      {
        "name": "decode_concurrency",
        "label": "Answers at once",
        "help": "How many answers are written at once.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "answers"
      },
      {
        "name": "prompt_concurrency",
        "label": "Prompts at once",
        "help": "How many prompts are read at once.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "prompts"
      },
      {
        "name": "max_concurrency",
        "label": "Requests at once",
        "help": "How many requests are worked on at once.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "requests"
      },
      {
        "name": "queue_size",
        "label": "Queue",
        "help": "How many requests may wait.",
        "kind": "integer",
        "minimum": 1,
        "initial": null,
        "unset": "engine's default",
        "unit": "requests"
      },
      {
        "name": "queue_timeout",
        "label": "Longest wait in the queue",
        "help": "How long a request may wait.",
        "kind": "number",
        "minimum": 0.0,
        "above": true,
        "initial": null,
        "unset": "engine's default",
        "unit": "seconds",
        "example": "30 s"
      }
    ]
  },
  {
    "key": "lifecycle",
    "title": "Lifecycle",
    "fields": [
      {
        "name": "auto_start",
        "label": "Start with Jupyter",
        "help": "Start it with Jupyter.",
        "kind": "switch",
        "initial": false,
        "unset": "off"
      },
      {
        "name": "on_demand",
        "label": "Start on request",
        "help": "Start it when a request asks for it.",
        "kind": "switch",
        "initial": true,
        "unset": "on"
      },
      {
        "name": "idle_unload_seconds",
        "label": "Unload when idle for",
        "help": "End it, and give its memory back, after so long without a request.",
        "kind": "number",
        "minimum": 0.0,
        "above": true,
        "initial": null,
        "unset": "never",
        "unit": "seconds",
        "example": "20 m"
      },
      {
        "name": "pinned",
        "label": "Pinned",
        "help": "Never end it to make room for another model.",
        "kind": "switch",
        "initial": false,
        "unset": "off"
      },
      {
        "name": "restart",
        "label": "After a crash",
        "help": "Whether it is started again after it crashed.",
        "kind": "choice",
        "options": [
          "on-failure",
          "never"
        ],
        "initial": "on-failure",
        "unset": "on-failure"
      }
    ]
  },
  {
    "key": "network",
    "title": "Network",
    "fields": [
      {
        "name": "port",
        "label": "Port",
        "help": "The engine's port; by default the first free one.",
        "kind": "integer",
        "minimum": 1,
        "maximum": 65535,
        "initial": null,
        "unset": "the first free one"
      },
      {
        "name": "host",
        "label": "Host",
        "help": "Where the engine listens. Others than this machine need `host_confirmed`: no key is asked.",
        "kind": "text",
        "initial": "127.0.0.1",
        "unset": "127.0.0.1"
      },
      {
        "name": "host_confirmed",
        "label": "Open it without a key",
        "help": "You know that everybody who reaches `host` can use the model without a key.",
        "kind": "switch",
        "initial": false,
        "unset": "no"
      }
    ]
  },
  {
    "key": "engine",
    "title": "Engine and environment",
    "fields": [
      {
        "name": "log_level",
        "label": "Log level",
        "help": "How much the engine writes into its log.",
        "kind": "choice",
        "options": [
          "DEBUG",
          "INFO",
          "WARNING",
          "ERROR",
          "CRITICAL"
        ],
        "initial": null,
        "unset": "engine's default"
      },
      {
        "name": "extra_args",
        "label": "More arguments",
        "help": "More words for the engine's command line, as they are.",
        "kind": "words",
        "initial": [],
        "unset": "none",
        "example": "--flag 'a value'"
      },
      {
        "name": "env",
        "label": "Environment",
        "help": "More environment variables for the engine.",
        "kind": "pairs",
        "initial": {},
        "unset": "none",
        "example": "NAME=value",
        "long": true
      }
    ]
  },
  {
    "key": "distributed",
    "title": "Distributed",
    "fields": [
      {
        "name": "distributed.ranks",
        "label": "Processes on this machine",
        "help": "So many processes on this machine, to try a split.",
        "kind": "integer",
        "minimum": 2,
        "initial": null,
        "unset": "one",
        "unit": "processes"
      },
      {
        "name": "distributed.hosts",
        "label": "Machines",
        "help": "Names or addresses of the machines, this one first; reached by ssh.",
        "kind": "words",
        "initial": [],
        "unset": "this one",
        "example": "studio.local, mini.local"
      },
      {
        "name": "distributed.hostfile",
        "label": "Hostfile",
        "help": "A JSON file of hosts, as `mlx.launch --hostfile` takes it.",
        "kind": "text",
        "initial": null,
        "unset": "none"
      },
      {
        "name": "distributed.backend",
        "label": "Backend",
        "help": "How the processes talk to each other.",
        "kind": "choice",
        "options": [
          "ring",
          "mpi",
          "nccl",
          "jaccl",
          "jaccl-ring"
        ],
        "initial": "ring",
        "unset": "ring"
      }
    ]
  },
  {
    "key": "elsewhere",
    "title": "Remote or command",
    "fields": [
      {
        "name": "base_url",
        "label": "Base URL",
        "help": "For `remote`: the URL below which `/models` and `/chat/completions` are, often `…/v1`.",
        "kind": "text",
        "pattern": "^https?://[^\\s/]+",
        "initial": null,
        "unset": "none",
        "example": "http://studio.local:8888/mlx-manager/v1"
      },
      {
        "name": "api_key_env",
        "label": "Key variable",
        "help": "For `remote`: the environment variable with the key. The key itself is never stored.",
        "kind": "text",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "initial": null,
        "unset": "no key",
        "example": "STUDIO_KEY"
      },
      {
        "name": "command",
        "label": "Command",
        "help": "For `command`: the program and its words, with `{model}`, `{host}` and `{port}`.",
        "kind": "words",
        "initial": [],
        "unset": "none",
        "example": "llama-server -m {model} --host {host} --port {port}"
      },
      {
        "name": "ready_path",
        "label": "Ready path",
        "help": "For `command`: the path that answers 200 once it is ready.",
        "kind": "text",
        "pattern": "^/",
        "initial": "/v1/models",
        "unset": "/v1/models"
      }
    ]
  }
];
