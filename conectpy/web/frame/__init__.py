"""What every page shares: context, parameters, problems, language, assets."""
