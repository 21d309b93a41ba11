// Types of {{ design.name }}: what each holds, and the values that occur in it, proven.
#ifndef {{ guard }}
#define {{ guard }}

#include "{{ types_header }}"
{% for group in groups %}
// {{ group.layer }}
{%- for line in group.lines %}
{{ line }}
{%- endfor %}
{% endfor %}
#endif
