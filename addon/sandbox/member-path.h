// Paths as text: what archives, patterns and specifications say, before any of it is looked up.
#pragma once
#include <string>
#include <utility>
#include <vector>

// Cleans a path as if its root were `/`: no empty, `.` or `..` component is left, `..` stops at the root; no leading or
// trailing slash.
std::string cleanMemberPath(const std::string& path);
// The components of a clean path.
std::vector<std::string> splitComponents(const std::string& path);
// The first `count` components, each with a slash after it; "" for none.
std::string joinComponents(const std::vector<std::string>& components, size_t count);
// `a/b/c` -> `a/b/` and `c`.
std::pair<std::string, std::string> splitLast(const std::string& path);
