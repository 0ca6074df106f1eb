"""The bridge: web pages over the history of a configuration repository, at any moment of it.

Everything that is shown is read from Git, by path, at the commit that a page is about; what a page needs is kept by the
ids of trees and blobs, which never change their meaning. So the past costs what the present costs.
"""
