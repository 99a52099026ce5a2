// Go's filepath.Match for one path component, which is what COPY's wildcards mean.
#pragma once
#include <string>
#include <string_view>

// Whether the component holds an unescaped `*`, `?` or `[`.
bool hasWildcard(std::string_view component);
// Whether the whole name matches: `*`, `?`, `[a-z]`, `[^a-z]`, `\` escapes. A malformed pattern matches nothing and sets
// `malformed`.
bool matchComponent(std::string_view pattern, std::string_view name, bool& malformed);
// The component without its escapes, for one that has no wildcard.
std::string unescapeComponent(std::string_view component);
