// What an app needs besides this module comes with it: ids, versions, JSON and paths.
@_exported public import Causality
@_exported public import Documents
@_exported public import JSONCoding
@_exported public import Merging
