"""The decisive lines of chat templates, by the model that has them."""

# ruff: noqa: E501, RUF001  lines as their templates have them, and DeepSeek's own bars

from __future__ import annotations

_OPEN = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>"
)
_CLOSE = "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"

PLAIN = _OPEN + _CLOSE + "{%- endif %}"

_HERMES = (
    "{%- if tools %}{{- '<|im_start|>system\\n# Tools\\nYou may call functions within <tools></tools>' }}"
    "{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}"
    '{{- \'return <tool_call>\\n{\\"name\\": ..., \\"arguments\\": ...}\\n</tool_call>\' }}{%- endif %}'
)
QWEN25 = _HERMES + PLAIN

#: A thought in what was said before is cut off, as the instruct models' templates do as well.
_HISTORY = (
    "{%- if '</think>' in content %}"
    "{%- set reasoning_content = content.split('</think>')[0].split('<think>')[-1] %}{%- endif %}"
    "{{- '<think>\\n' + reasoning_content + '\\n</think>\\n\\n' + content }}"
)
QWEN3 = (
    _HERMES
    + _OPEN
    + _HISTORY
    + _CLOSE
    + "{%- if enable_thinking is defined and enable_thinking is "
    "false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)
QWEN3_INSTRUCT = _HERMES + _OPEN + _HISTORY + _CLOSE + "{%- endif %}"
QWEN3_THINKING = (
    _HERMES + _OPEN + _HISTORY + "{%- endfor %}{%- if add_generation_prompt %}"
    "{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
)
QWEN3_CODER = (
    "{%- if tools is iterable and tools | length > 0 %}{{- '<tools>' }}"
    "{{- '<tool_call>\\n<function=example>\\n<parameter=p>' }}{%- endif %}" + PLAIN
)
LLAMA31 = (
    "{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}"
    "{%- if tools is not none %}{{- 'Environment: ipython' }}{%- endif %}" + PLAIN
)
MISTRAL = (
    "{%- if tools is not none %}{{- '[AVAILABLE_TOOLS]' + (tools|tojson) }}{%- endif %}" + PLAIN
)
MAGISTRAL = MISTRAL + "{{- '[SYSTEM_PROMPT]First draft your thinking: [THINK]...[/THINK]' }}"
GEMMA3 = (
    "{{ bos_token }}{%- for message in messages %}{{ '<start_of_turn>' + message['role'] }}"
    "{%- if item['type'] == 'image' %}{{ '<start_of_image>' }}{%- endif %}{%- endfor %}"
)
DEEPSEEK_R1 = (
    "{% for message in messages %}{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)
DEEPSEEK_V31 = (
    "{% if not thinking is defined %}{% set thinking = false %}{% endif %}"
    "{% if thinking %}{{'<｜Assistant｜><think>'}}{% else %}{{'</think>'}}{% endif %}"
)
GPT_OSS = (
    "{%- if tools -%}{{- '<|start|>developer<|message|># Tools' }}{%- endif -%}"
    "{{- 'Reasoning: ' + reasoning_effort }}{{- '<|start|>assistant<|channel|>analysis<|message|>' }}"
    "{{- '<|channel|>commentary to=functions.' }}"
)
GLM45 = (
    "{%- if tools -%}<|system|># Tools\n<tool_call>{function-name}\n<arg_key>{key}</arg_key>"
    "{%- endif -%}{{- '/nothink' if (enable_thinking is defined and not enable_thinking) else '' -}}"
    "{%- if reasoning_content -%}{{ '\\n<think>' + reasoning_content + '</think>'}}{%- endif -%}"
)
KIMI_K2 = (
    "{%- if tools -%}<|im_system|>tool_declare<|im_middle|>{{ tools | tojson }}<|im_end|>{%- endif -%}"
    "{{- '<|tool_calls_section_begin|>' }}"
)
MINIMAX_M2 = (
    "{%- if tools -%}{{- '<minimax:tool_call>\\n<invoke name=' }}{%- endif -%}"
    "{%- if add_generation_prompt -%}{{- ']~b]ai\\n<think>\\n' }}{%- endif -%}"
)
GRANITE = (
    "{%- if tools %}{{- '<|start_of_role|>tools<|end_of_role|>' }}{%- endif %}"
    "{%- if thinking %}{{- 'Write your thoughts between <think></think>' }}{%- endif %}" + PLAIN
)
SMOLLM3 = (
    "{%- if enable_thinking is not defined %}{%- set enable_thinking = true %}{%- endif %}"
    "{%- if xml_tools %}{{- '<tool_call>' }}{%- endif %}" + PLAIN
)
LFM2 = "{%- if tools -%}{{- 'List of tools: <|tool_list_start|>[' }}{%- endif -%}" + PLAIN
NEMOTRON_NANO = (
    "{%- if tools %}{{- '<tool_call>\\n<function=name>\\n<parameter=x>' }}{%- endif %}"
    "{%- if enable_thinking %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
)
#: Words for the model, and words for who reads the template: neither is what it does.
PROSE = (
    "{# tools and thinking are not supported #}"
    "{{- 'You have no tools. Keep thinking before you answer; message.tools is empty.' }}" + PLAIN
)
#: What is left of a list of named ones: ``default`` and ``tool_use``, one after the other.
COMMAND_R = (
    PLAIN
    + "\n{{ bos_token }}{%- for tool in tools %}{{ 'def ' + tool.function.name }}{%- endfor %}"
)
