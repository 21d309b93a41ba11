
{%- include "processes/window_remainders.cpp" %}
{%- if has_columns %}
}
{%- endif %}
{%- if has_rows %}
}
{%- endif %}
