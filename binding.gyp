{
  "target_defaults": {
    "default_configuration": "Release",
    "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-fvisibility=hidden", "-O2"],
    "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"]
  },
  "targets": [
    {
      "target_name": "tsbuild",
      "sources": ["<!@(node -p \"require('fs').readdirSync('addon').filter(f=>f.endsWith('.cc')).sort().map(f=>'addon/'+f).join(' ')\")"],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_CPP_EXCEPTIONS", "_FILE_OFFSET_BITS=64"],
      "cflags_cc": ["-fexceptions"]
    },
    {
      "target_name": "tsbuild-sandbox",
      "type": "executable",
      "sources": ["<!@(node -p \"require('fs').readdirSync('addon/sandbox').filter(f=>f.endsWith('.cc')).sort().map(f=>'addon/sandbox/'+f).join(' ')\")"],
      "defines": ["_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags_cc": ["-fno-exceptions", "-fno-rtti"],
      "cflags_cc!": ["-fexceptions"],
      "ldflags": ["-static"]
    }
  ]
}
