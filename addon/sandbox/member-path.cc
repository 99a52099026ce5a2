#include "member-path.h"

#include <algorithm>

std::string cleanMemberPath(const std::string& path) {
  std::vector<std::string> components;
  for (const std::string& part : splitComponents(path)) {
    if (part == "..") {
      if (!components.empty()) components.pop_back();
    } else if (!part.empty() && part != ".") {
      components.push_back(part);
    }
  }
  std::string clean = joinComponents(components, components.size());
  if (!clean.empty()) clean.pop_back();
  return clean;
}

std::vector<std::string> splitComponents(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

std::string joinComponents(const std::vector<std::string>& components, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; i++) path += components[i] + '/';
  return path;
}

std::pair<std::string, std::string> splitLast(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}
