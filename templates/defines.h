// Types of {{ design.name }}, with contents and proven range of values.
#ifndef {{ guard }}
#define {{ guard }}

#include "{{ types_header }}"
{%- if let Some(stream_header) = stream_header %}
#include "{{ stream_header }}"
{%- endif %}
{% for (layer, lines) in groups %}
// {{ layer }}
{%- for line in lines %}
{{ line }}
{%- endfor %}
{% endfor %}
{%- if !design.tokens.is_empty() %}
// Words of streams: the elements of one or more positions, channels fastest.
{%- endif %}
{%- for token in design.tokens %}
struct {{ token.name }} {
    {{ design[token.element].name }} lanes[{{ token.lanes }}];
};
{%- for part in token.part_types() %}

// A part of {{ token.name }}, which {{ token.parts.len() }} streams carry side by side.
struct {{ part.name }} {
    {{ design[token.element].name }} lanes[{{ part.lanes }}];
};
{%- endfor %}
{% endfor %}
#endif
