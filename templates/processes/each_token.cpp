{%- if tokens > 1 %}
tokens: for (int n = 0; n < {{ tokens }}; n++) {
{{ cx.in_frame() }}
{%- else %}
{{ cx.in_tokens() }}
{%- endif %}