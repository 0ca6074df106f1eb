"""Git: read trees and blobs, write commits, fetch and push, snapshot cache, history."""
